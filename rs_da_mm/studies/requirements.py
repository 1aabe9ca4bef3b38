"""What must be in order before anything is run: configs that can be read, weights and data that are there, equal budgets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rs_da_mm.studies.budgets import differences, planned_budget
from rs_da_mm.studies.chosen_checkpoint import check_selection
from rs_da_mm.studies.description import Method, Need
from rs_da_mm.studies.effective_config import data_roots
from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.placeholders import check_placeholders, find_placeholders, substitute
from rs_da_mm.studies.plan import Job
from rs_da_mm.studies.stage_configs import StageConfigs

Promised = dict[tuple[str | None, str], dict[str, dict[str, Any]]]


def check_configs(configs: StageConfigs) -> None:
    """Read every config once, and refuse what cannot go well before anything is trained.

    Args:
        configs: Of the study.

    Raises:
        StudyError: When a config or an override is wrong, the best checkpoint is asked of a config that keeps none, or budgets
            that must be equal are not.
    """
    promised: Promised = {}
    for job in configs.plan.jobs.values():
        if job.kind == "command":
            check_placeholders(configs.owner(job)[1].command, configs.known(job), configs.where(job))
            continue
        config = configs.config(job)
        if job.kind == "train":
            check_selection(configs.select(job), config, configs.where(job))
            if configs.study.method(job.method).compare_budget:
                promised.setdefault((job.group, job.stage), {})[job.method] = planned_budget(config)
    if configs.study.budget.rule == "equal":
        _refuse_unequal(configs, promised)


def missing_parts(configs: StageConfigs, method: Method, group: str | None) -> list[str]:
    """List what a method needs in a group and is not there: weights, files, data.

    Args:
        configs: Of the study.
        method: The method.
        group: The group.

    Returns:
        A word for each, none when all is there.
    """
    jobs = [job for job in configs.plan.jobs.values() if (job.method, job.group) == (method.name, group)]
    seeds = list(dict.fromkeys(job.seed for job in jobs))
    needs = [*method.needs, *method.in_group(group).needs]
    for stage in method.stages:
        if stage.of is not None:
            other = configs.study.method(stage.of)
            needs += [*other.needs, *other.in_group(group).needs]
    checkpoint = method.checkpoint_in(group)
    if checkpoint is not None:
        needs.append(Need(checkpoint, checkpoint))
    found = [
        substitute(need.what, values)
        for need in needs
        for values in ({"seed": seed, "group": group} for seed in seeds)
        if not Path(str(substitute(need.path, values))).exists()
    ]
    roots = [root for job in jobs if job.kind in ("train", "test") for root in _roots(configs, job)]
    found += [root for root in roots if not find_placeholders(root) and not Path(root).exists()]
    return list(dict.fromkeys(found))


def _roots(configs: StageConfigs, job: Job) -> list[str]:
    return data_roots(configs.config(job), ("test_dataloader",) if job.kind == "test" else ("train_dataloader", "val_dataloader"))


def _refuse_unequal(configs: StageConfigs, promised: Promised) -> None:
    for (group, stage), budgets in promised.items():
        in_configs: Mapping[str, Any] = next(iter(budgets.values()))
        found = differences(budgets, [name for name in configs.study.budget.compare if name in in_configs])
        if found:
            raise StudyError(
                f"{configs.study.file}: budget is 'equal', and the configs ask for different ones in "
                f"{stage if group is None else f'{group}, {stage}'}: {'; '.join(found)}. Make them equal by overrides, leave the "
                "quantity out of budget=dict(rule='equal', compare=[…]), or say budget='reported'."
            )
