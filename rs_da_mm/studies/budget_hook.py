"""Counting what a training is fed, so that budgets are compared by what ran and not by what a config promised."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from rs_da_mm.files import atomic_write_json
from rs_da_mm.registry import HOOKS

BUDGET_FILE = "training_budget.json"
META_KEY = "training_budget"


@HOOKS.register_module()
class TrainingBudgetHook(Hook):
    """Counts iterations, samples, pixels and seconds of a training, over all its interruptions.

    The counts go into every checkpoint, under ``meta['training_budget']``, and are taken up again by a resumed run. At the end
    ``training_budget.json`` in the work dir has them:

    - ``iterations``, ``epochs``: the runner's own;
    - ``samples``: images that were fed to the model, of all ranks (this rank's times their number); an image that is fed twice
      counts twice, the images of a pair count each;
    - ``pixels``: their pixels, in the size that they are fed in;
    - ``window``: the smallest and the largest side of an image that was fed, in pixels;
    - ``dataset_windows``: how many different samples the training set has; ``labelled_windows``: the same, or 0 where the samples
      carry no label;
    - ``batch_size`` (the largest of one rank), ``ranks``, ``parameters`` (trainable ones), ``seconds`` (of training steps and of
      waiting for their data, without validation), ``max_epochs``, ``max_iters``.
    """

    priority = "VERY_HIGH"  # a hook that stops the run and saves it must find this iteration counted

    def __init__(self) -> None:
        self._counts: dict[str, Any] = {
            "samples": 0,
            "pixels": 0,
            "seconds": 0.0,
            "batch_size": 0,
            "window": None,
            "labelled": False,
        }
        self._before: tuple[int, dict[str, Any]] | None = None
        self._clock = 0.0

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Take the counts up where a run is resumed; weights that a run merely starts from bring none."""
        if getattr(runner, "_resume", False):
            self._counts.update(checkpoint.get("meta", {}).get(META_KEY, {}).get("of_rank_0", {}))

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the clock."""
        self._clock = time.perf_counter()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Leave the time of the validation out."""
        self._clock = time.perf_counter()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Count one batch, as it came from the data loader."""
        # A checkpoint may be one of the moment before this iteration: its counts are kept until the next one.
        self._before = (runner.iter, dict(self._counts))
        inputs = data_batch.get("inputs") if isinstance(data_batch, Mapping) else data_batch
        shapes = list(image_shapes(inputs))
        now = time.perf_counter()
        sides = [side for shape in shapes for side in shape[1:]] + list(self._counts["window"] or ())
        self._counts = {
            "samples": self._counts["samples"] + sum(count for count, _, _ in shapes),
            "pixels": self._counts["pixels"] + sum(count * height * width for count, height, width in shapes),
            "seconds": self._counts["seconds"] + now - self._clock,
            "batch_size": max(self._counts["batch_size"], sum(count for count, _, _ in shapes)),
            "window": [min(sides), max(sides)] if sides else None,
            "labelled": self._counts["labelled"] or _has_label(data_batch),
        }
        self._clock = now

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Put the counts of the checkpoint's moment into it."""
        meta = checkpoint.setdefault("meta", {})
        counts = self._counts
        if self._before is not None and meta.get("iter") == self._before[0]:
            counts = self._before[1]
        meta[META_KEY] = {**self._report(runner, counts), "of_rank_0": counts}

    def after_train(self, runner: Runner) -> None:
        """Write what the training was fed."""
        if is_main_process():
            report = {"iterations": runner.iter, "epochs": runner.epoch, **self._report(runner, self._counts)}
            atomic_write_json(Path(runner.work_dir) / BUDGET_FILE, report)

    @staticmethod
    def _report(runner: Runner, counts: Mapping[str, Any]) -> dict[str, Any]:
        ranks = get_world_size()
        dataset = runner.train_dataloader.dataset
        windows = len(dataset) if hasattr(dataset, "__len__") else None
        return {
            "samples": counts["samples"] * ranks,
            "pixels": counts["pixels"] * ranks,
            "window": counts["window"],
            "dataset_windows": windows,
            "labelled_windows": windows if counts["labelled"] else 0,
            "batch_size": counts["batch_size"],
            "ranks": ranks,
            "parameters": sum(one.numel() for one in runner.model.parameters() if one.requires_grad),
            "seconds": counts["seconds"],
            "max_epochs": runner.max_epochs,
            "max_iters": runner.max_iters,
        }


def image_shapes(inputs: Any) -> Iterator[tuple[int, int, int]]:
    """Find the images in a batch.

    Args:
        inputs: A tensor (bands, H, W) or (N, bands, H, W), or lists and dicts of such, as data loaders give them.

    Yields:
        (images, height, width) of each tensor; what has fewer dimensions is no image.
    """
    if isinstance(inputs, Tensor):
        if inputs.ndim >= 3:
            yield int(torch.Size(inputs.shape[:-3]).numel()), int(inputs.shape[-2]), int(inputs.shape[-1])
    elif isinstance(inputs, Mapping):
        for inner in inputs.values():
            yield from image_shapes(inner)
    elif isinstance(inputs, list | tuple):
        for inner in inputs:
            yield from image_shapes(inner)


def _has_label(batch: Any) -> bool:
    samples = batch.get("data_samples") if isinstance(batch, Mapping) else None
    return isinstance(samples, list | tuple) and any("gt_sem_seg" in sample for sample in samples)
