"""A project's config: one file that says everything, with the reasons beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rs_da_mm.projects.dataset_settings import SPLIT_FILE
from rs_da_mm.projects.request import ProjectRequest
from rs_da_mm.projects.settings import RARE, TrainingSettings
from rs_da_mm.projects.spelling import Code, spell

FIRST_LINE = "# A project of tools/new_project.py"


def config_text(
    request: ProjectRequest, dataset: Mapping[str, Any], model: Mapping[str, Any], training: TrainingSettings, command: str
) -> str:
    """Write the config.

    Args:
        request: What was asked for.
        dataset: Arguments of the data set that all parts share.
        model: The network.
        training: Batch, schedule and sampler.
        command: The command line that made the project.

    Returns:
        Python.
    """
    split = dataset["split"]
    shared = {
        "type": dataset["type"],
        "data_root": Code("project"),
        **{key: value for key, value in dataset.items() if key not in ("type", "split")},
        "split": split,
        "split_file": Code(f"f'{{project}}/{SPLIT_FILE}'"),
    }
    sampler = {"type": "ClassBalancedSampler", "exponent": training.exponent, "samples_per_epoch": training.samples_per_epoch}
    train = {
        "batch_size": Code("batch_size"),
        "num_workers": 2,
        "persistent_workers": True,
        "sampler": sampler,
        "dataset": Code("dict(**dataset, part='train', random_windows=True, pipeline=train_pipeline)"),
    }
    return "\n".join(
        [
            f"{FIRST_LINE}: report.html tells what it found, docs/own_data.md what every line means. Change what you like.",
            f"# {command}",
            "_base_ = ['rs_da_mm::_base_/default_runtime.py']",
            "project = '{{ fileDirname }}'  # the folder of this file; it can be moved",
            "work_dir = f'{project}/work'",
            "",
            f"# The scenes and their files are in {dataset['list_file']}: take lines out to leave scenes out.",
            _assignment("dataset", shared),
            "",
            "train_pipeline = [",
            "    dict(type='LoadRaster'),",
            "    dict(type='LoadRasterLabel'),",
            "    dict(type='RandomDihedral'),  # turned and mirrored: an image from above has no up",
            "    dict(type='PackRSInputs'),",
            "]",
            "test_pipeline = [dict(type='LoadRaster'), dict(type='LoadRasterLabel'), dict(type='PackRSInputs')]",
            "",
            f"batch_size = {training.batch_size}  # halve it where memory is short",
            f"# {_why_drawn(training)}",
            _assignment("train_dataloader", train),
            *(_evaluated(part) for part in ("val", "test")),
            "val_evaluator = dict(type='LandCoverMetric', collect_device='gpu')",
            "test_evaluator = val_evaluator",
            "",
            _assignment("model", model),
            "",
            f"max_epochs = {training.epochs}  # of {training.steps} steps each",
            "train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)",
            "val_cfg = dict(type='ValLoop')",
            "test_cfg = dict(type='TestLoop')",
            "optim_wrapper = dict(",
            "    type='OptimWrapper',",
            f"    optimizer=dict(type='AdamW', lr={training.rate:g}, weight_decay=0.01),",
            "    clip_grad=dict(max_norm=5.0),",
            ")",
            "param_scheduler = dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=True)  # over all epochs",
            f"auto_scale_lr = dict(enable=False, base_batch_size={training.batch_size})",
            f"randomness = dict(seed={request.seed}, diff_rank_seed=True)",
            "",
        ]
    )


def _assignment(name: str, value: Any) -> str:
    return f"{name} = {spell(value, taken=len(name) + 3)}"


def _evaluated(part: str) -> str:
    return (
        f"{part}_dataloader = dict(\n"
        "    batch_size=batch_size,\n"
        "    num_workers=2,\n"
        "    persistent_workers=True,\n"
        "    sampler=dict(type='DefaultSampler', shuffle=False),\n"
        f"    dataset=dict(**dataset, part='{part}', test_mode=True, pipeline=test_pipeline),\n"
        ")"
    )


def _why_drawn(training: TrainingSettings) -> str:
    if training.rare:
        few = ", ".join(training.rare)
        return (
            f"Rare classes ({few}: below {RARE:.0%} of the labelled pixels) are drawn more often; 0: as they come, 1: all alike."
        )
    return "Windows are drawn by how much of them is labelled; exponent=1 would draw all classes alike."
