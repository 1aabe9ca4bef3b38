"""What the runs of a study have given so far: scores by method, group, test and seed, and what the trainings were given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rs_da_mm.errors import InputError
from rs_da_mm.studies.budgets import Budget, checkpoint_budget
from rs_da_mm.studies.description import Method, Study
from rs_da_mm.studies.plan import Job, Plan, seeds_of
from rs_da_mm.studies.preparation import Preparation
from rs_da_mm.studies.records import DONE, FAILED, Record, read_record
from rs_da_mm.studies.requirements import missing_parts

RunState = Literal["done", "failed", "missing", "interrupted", "outdated", "needs"]


@dataclass(frozen=True)
class Run:
    """One test of one seed.

    Attributes:
        job: The test.
        state: ``'done'``; ``'failed'``, itself or before it; ``'missing'``, not run yet; ``'interrupted'``, not to its end;
            ``'outdated'``, run with other settings than the study asks for now; ``'needs'``, weights or data are not there.
        message: Why, where it is not done.
        scores: What ``tools/test.py --json`` wrote.
        record: The record of the test.
        budget: What the training of the tested weights was given.
    """

    job: Job
    state: RunState
    message: str = ""
    scores: Mapping[str, Any] = field(default_factory=dict)
    record: Record | None = None
    budget: Budget | None = None

    @property
    def metrics(self) -> Mapping[str, Any]:
        """The metrics by the evaluator's names, and what is known of the training as ``run.<quantity>``."""
        own: dict[str, Any] = dict(self.scores.get("metrics", {}))
        if self.state == "done":
            own["run.parameters"] = self.scores.get("parameters")
            if self.budget is not None:
                known = self.budget.to_json()
                own.update({f"run.{name}": known[name] for name in RUN_QUANTITIES if name != "seconds_per_epoch"})
                own["run.parameters"] = known["parameters"] or own["run.parameters"]
                if self.budget.seconds and self.budget.epochs:
                    own["run.seconds_per_epoch"] = self.budget.seconds / self.budget.epochs
        return own

    @property
    def is_miniature(self) -> bool | None:
        """Whether it was tested on a miniature; None where nobody knows."""
        datasets = [one["miniature"] for one in self.scores.get("datasets", []) if one.get("miniature") is not None]
        roots = self.record.identity.get("data", {}) if self.record is not None else {}
        known = [*datasets, *(text.startswith("miniature") for text in roots.values())]
        return any(known) if known else None


RUN_QUANTITIES = ("parameters", "seconds", "seconds_per_epoch", "iterations", "epochs", "samples", "pixels")
"""What a metric can be called after ``run.``."""


@dataclass(frozen=True)
class Training:
    """A stage's training of one seed: its record, and what it was given as far as it is done."""

    method: str
    group: str | None
    seed: int | None
    stage: str
    job: str
    record: Record | None
    budget: Budget | None


@dataclass(frozen=True)
class Results:
    """Everything that is there.

    Attributes:
        study: The study.
        root: Its folder.
        runs: The tests of all methods, groups and seeds.
        trainings: The trainings of all methods, as each sees them: a shared one is listed for every method that uses it.
        needs: What is missing, by method and group.
    """

    study: Study
    root: Path
    runs: tuple[Run, ...]
    trainings: tuple[Training, ...]
    needs: Mapping[tuple[str, str | None], tuple[str, ...]]

    def of(self, method: str, group: str | None, test: str) -> list[Run]:
        """The runs of one test."""
        return [run for run in self.runs if (run.job.method, run.job.group, run.job.test) == (method, group, test)]

    def is_miniature(self, group: str | None) -> bool:
        """Whether anything in a group was tested on a miniature."""
        return any(run.is_miniature for run in self.runs if run.job.group == group and run.state == "done")

    @property
    def on_miniatures(self) -> bool:
        """Whether anything at all was tested on a miniature."""
        return any(self.is_miniature(group) for group in self.study.group_names)


def unmet_needs(preparation: Preparation) -> dict[tuple[str, str | None], tuple[str, ...]]:
    """List what is missing for which method in which group."""
    study = preparation.configs.study
    found = {
        (method.name, group): tuple(missing_parts(preparation.configs, method, group))
        for group in study.group_names
        for method in study.methods
        if method.has_part_in(group)
    }
    return {key: words for key, words in found.items() if words}


def collect_results(preparation: Preparation, plan: Plan, needs: Mapping[tuple[str, str | None], tuple[str, ...]]) -> Results:
    """Read what the runs of a study have left.

    Args:
        preparation: Knows the folders, and what each run is to be made from.
        plan: All jobs of the study.
        needs: What is missing, see :func:`unmet_needs`.

    Returns:
        The results; a run that was made with other settings than the study asks for now is among them as outdated.
    """
    study = preparation.configs.study
    trainings = _trainings(preparation, plan)
    budgets = {training.job: training.budget for training in trainings}
    runs = [
        _run(job, preparation, plan, needs.get((job.method, job.group), ()), lambda name: budgets.get(name))
        for job in plan.jobs.values()
        if job.kind == "test"
    ]
    return Results(study, preparation.root, tuple(runs), tuple(trainings), needs)


def _run(job: Job, preparation: Preparation, plan: Plan, needs: tuple[str, ...], budget: Callable[[str], Budget | None]) -> Run:
    record = read_record(preparation.folder(job))
    if record is not None and record.state == DONE:
        try:
            standing, differences = preparation.standing(preparation.prepare(job), record)
        except InputError as error:
            return Run(job, "needs" if needs else "outdated", ", ".join(needs) or str(error), record=record)
        if standing == "done":
            training = preparation.configs.training(job)
            given = budget(training.name) if training is not None else _budget_of_weights(preparation, job)
            return Run(job, "done", "", record.result["scores"], record, given)
        return Run(job, "outdated", differences or "its checkpoint is another one now", record=record)
    if needs:
        return Run(job, "needs", ", ".join(needs), record=record)
    for name in [*_before(job, plan), job.name]:
        found = read_record(preparation.folder(name))
        if found is not None and found.state == FAILED:
            return Run(job, "failed", f"{preparation.folder(name) / found.log}: {found.message}", record=record)
    begun = any(read_record(preparation.folder(name)) is not None for name in (job.after[:1] or (job.name,)))
    return Run(job, "interrupted" if begun else "missing", record=record)


def _before(job: Job, plan: Plan) -> list[str]:
    """Everything that must be done before a job, the first first."""
    found: dict[str, None] = {}
    for name in job.after:
        found.update(dict.fromkeys([*_before(plan.jobs[name], plan), name]))
    return list(found)


def _trainings(preparation: Preparation, plan: Plan) -> list[Training]:
    found = []
    for (method, group, seed), stages in plan.trainings.items():
        for stage, name in stages.items():
            if plan.jobs[name].kind == "train":
                record = read_record(preparation.folder(name))
                done = record is not None and record.state == DONE and "budget" in record.result
                budget = Budget.from_json(record.result["budget"]) if record is not None and done else None
                found.append(Training(method, group, seed, stage, name, record, budget))
    return found


def _budget_of_weights(preparation: Preparation, job: Job) -> Budget | None:
    """What the training of weights that were there already was given, as far as the file says."""
    try:
        path, _ = preparation.checkpoint(job)
        return checkpoint_budget(path, preparation.configs.config(job))
    except InputError:
        return None


def expected_seeds(study: Study, method: Method, group: str | None) -> tuple[int | None, ...]:
    """The seeds that a cell of the table stands for; none where the method has no part in the group."""
    return seeds_of(study, method, group) if method.has_part_in(group) else ()
