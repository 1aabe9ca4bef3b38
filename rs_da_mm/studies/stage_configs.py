"""The configs of a study's jobs: which file, which overrides, and what stands for the placeholders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmengine.config import Config

from rs_da_mm.studies.chosen_checkpoint import LAST
from rs_da_mm.studies.description import Method, Overrides, Stage, Study
from rs_da_mm.studies.effective_config import config_of_test, effective_config
from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.placeholders import OF_A_STAGE, check_placeholders, substitute
from rs_da_mm.studies.plan import Job, Plan

Values = Mapping[str, Any]


class StageConfigs:
    """Makes the configs of a study's jobs.

    Args:
        study: The study.
        plan: Its jobs.
    """

    def __init__(self, study: Study, plan: Plan) -> None:
        self.study = study
        self.plan = plan
        self._made: dict[str, Config] = {}

    def where(self, job: Job) -> str:
        """Name a job for an error."""
        return f"{self.study.file}: {job.title}"

    def owner(self, job: Job) -> tuple[Method, Stage]:
        """The method and the stage whose config a job has: those of another method where the stage is taken from it."""
        method = self.study.method(job.method)
        stage = next(stage for stage in method.stages if stage.name == job.stage)
        if stage.of is not None:
            method = self.study.method(stage.of)
            stage = next(one for one in method.stages if one.name == job.stage)
        return method, stage

    def training(self, job: Job) -> Job | None:
        """The training whose checkpoint a test takes; None for weights that are there already."""
        return self.plan.jobs[job.after[0]] if job.after else None

    def select(self, job: Job) -> str:
        """Which checkpoint of a training is handed on."""
        _, stage = self.owner(job)
        tested = any(other.kind == "test" and other.after[:1] == (job.name,) for other in self.plan.jobs.values())
        return stage.select or (self.study.select if tested else LAST)

    def stages(self, job: Job) -> dict[str, str]:
        """The stages that a job's placeholders may name, and the names of their jobs."""
        if job.kind in ("test", "panel"):
            return dict(self.plan.trainings.get((job.method, job.group, job.seed), {}))
        return {self.plan.jobs[name].stage: name for name in job.after}

    def known(self, job: Job) -> dict[str, Any]:
        """What stands for the placeholders of a job before anything is run; those of stages stand for themselves."""
        known: dict[str, Any] = {} if job.seed is None else {"seed": job.seed}
        if job.group is not None:
            known["group"] = job.group
        if job.kind == "command":
            known["work_dir"] = "{work_dir}"
        known.update({f"{stage}.{what}": f"{{{stage}.{what}}}" for stage in self.stages(job) for what in OF_A_STAGE})
        return known

    def config(self, job: Job, values: Callable[[Job], Values] | None = None) -> Config:
        """The config of a training, or of a test.

        Args:
            job: The job.
            values: Gives the values of a job's placeholders; by default :meth:`known`, which leaves those of stages as they are.

        Returns:
            The config with all overrides.

        Raises:
            StudyError: When it cannot be read, an override fits nowhere, or a placeholder stands for nothing.
        """
        if values is not None:
            return self._config(job, values)
        if job.name not in self._made:
            self._made[job.name] = self._config(job, self.known)
        return self._made[job.name]

    def _config(self, job: Job, values: Callable[[Job], Values]) -> Config:
        if job.test is None:
            return self._of_training(job, values(job))
        training = self.training(job)
        config = self._of_training(job, values(job)) if training is None else self._of_training(training, values(training))
        test = self.study.test(job.test)
        check_placeholders(test.overrides, self.known(job), self.where(job))
        return config_of_test(config, test.part, substitute(test.overrides, values(job)), self.where(job))

    def _of_training(self, job: Job, values: Values) -> Config:
        method, stage = self.owner(job)
        group = job.group if stage.per_group else None
        part = method.in_group(group).stages.get(stage.name)
        path = (part.config if part is not None else None) or stage.config
        if path is None:
            raise StudyError(f"{self.where(job)}: the stage '{stage.name}' is a command, which has no config.")
        layers = self._layers(method, stage, group)
        for layer in layers:
            check_placeholders(layer, values, self.where(job))
        return effective_config(path, [substitute(layer, values) for layer in layers], job.seed, self.where(job))

    def _layers(self, method: Method, stage: Stage, group: str | None) -> list[Overrides]:
        in_group = self.study.group(group)
        part = method.in_group(group).stages.get(stage.name)
        layers = [self.study.overrides, self.study.stage_overrides.get(stage.name, {})]
        if in_group is not None:
            layers += [in_group.overrides, in_group.stage_overrides.get(stage.name, {})]
        return [layer for layer in [*layers, stage.overrides, part.overrides if part is not None else {}] if layer]
