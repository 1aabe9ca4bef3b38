"""From a study to its jobs: trainings, commands and tests, each with a folder of its own and with what must be done before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

from rs_da_mm.studies.description import Evaluation, Method, Stage, Study, folder_name
from rs_da_mm.studies.fields import StudyError, near_match
from rs_da_mm.studies.placeholders import find_placeholders

Kind = Literal["train", "command", "test", "panel"]


@dataclass(frozen=True)
class Job:
    """One run of a tool.

    Attributes:
        kind: A training, a command of a stage, a test, or a test of the few windows of the panels.
        method: Whose.
        group: In which group; None where there are no groups, and for a stage that all groups share.
        seed: With which seed; None for a checkpoint that is there already, the same for all seeds.
        stage: Of which stage; for a test, whose checkpoint.
        test: Which test.
        after: Names of the jobs that must be done before.
    """

    kind: Kind
    method: str
    group: str | None
    seed: int | None
    stage: str
    test: str | None = None
    after: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its folder, from the study's."""
        return job_folder(self.method, self.group, self.seed, self.stage, self.test, self.kind == "panel").as_posix()

    @property
    def title(self) -> str:
        """What a person reads."""
        seed = "" if self.seed is None else f"seed {self.seed}"
        test = "test" if self.test == "test" else f"test {self.test}"
        words = {"train": self.stage, "command": self.stage, "test": test, "panel": "windows of the panels"}[self.kind]
        return ", ".join(part for part in (self.method, self.group, seed, words) if part)


@dataclass(frozen=True)
class Plan:
    """The jobs of a study.

    Attributes:
        jobs: By name, each after those that it needs.
        trainings: Of each method, group and seed, the name of the job of each stage.
    """

    jobs: dict[str, Job]
    trainings: dict[tuple[str, str | None, int | None], dict[str, str]]

    def tests(self, method: str, group: str | None, test: str) -> list[Job]:
        """The runs of one test, one per seed."""
        return [job for job in self.jobs.values() if (job.kind, job.method, job.group, job.test) == ("test", method, group, test)]


def job_folder(
    method: str, group: str | None, seed: int | None, stage: str, test: str | None = None, panel: bool = False
) -> PurePosixPath:
    """Name the folder of a job: ``<method>/seed_<s>[/<group>]/<stage>[/tests/<test>]``."""
    folder = PurePosixPath(folder_name(method), "fixed" if seed is None else f"seed_{seed}")
    if group is not None:
        folder /= folder_name(group)
    folder /= stage
    return folder if test is None else folder / "tests" / (folder_name(test) + ("_panel" if panel else ""))


def make_plan(study: Study) -> Plan:
    """List the jobs of a study: first everything of the first seed, so that a table is there early.

    Raises:
        StudyError: When a stage is taken from a method that has no part in the group.
    """
    return _Planner(study).plan()


def seeds_of(study: Study, method: Method, group: str | None) -> tuple[int | None, ...]:
    """The seeds that a method is run with in a group; one None for weights that are the same for all seeds."""
    checkpoint = method.checkpoint_in(group)
    if checkpoint is not None and "seed" not in find_placeholders(checkpoint):
        return (None,)
    return method.seeds or study.seeds


def panel_seed(study: Study, method: Method, group: str | None) -> int | None:
    """The seed whose predictions are shown."""
    seeds = seeds_of(study, method, group)
    wanted = study.panels.seed if study.panels is not None else None
    return wanted if wanted in seeds else seeds[0]


class _Planner:
    def __init__(self, study: Study) -> None:
        self.study = study
        self.jobs: dict[str, Job] = {}
        self.trainings: dict[tuple[str, str | None, int | None], dict[str, str]] = {}

    def plan(self) -> Plan:
        rounds = max(len(seeds_of(self.study, method, group)) for method, group in self._pairs())
        for index in range(rounds):
            for method, group in self._pairs():
                seeds = seeds_of(self.study, method, group)
                if index < len(seeds):
                    self._add_tests(method, group, seeds[index])
        return Plan(self.jobs, self.trainings)

    def _pairs(self) -> Iterator[tuple[Method, str | None]]:
        for group in self.study.group_names:
            for method in self.study.methods:
                if method.has_part_in(group):
                    yield method, group

    def _add_tests(self, method: Method, group: str | None, seed: int | None) -> None:
        stages = {} if method.checkpoint_in(group) is not None else self._add_stages(method, group, seed)
        for test in self.study.real_tests:
            tested = test.stage or method.stages[-1].name
            if tested not in [stage.name for stage in method.stages]:
                continue
            first = [stages[tested]] if stages else []
            used = {name.partition(".")[0] for name in find_placeholders(dict(test.overrides))}
            before = dict.fromkeys([*first, *(stages[name] for name in stages if name in used)])
            job = self._add(Job("test", method.name, group, seed, tested, test.name, tuple(before)))
            if self._is_shown(test, method, group, seed):
                self._add(replace(job, kind="panel", after=(*before, job.name)))

    def _is_shown(self, test: Evaluation, method: Method, group: str | None, seed: int | None) -> bool:
        panels = self.study.panels
        if panels is None or seed != panel_seed(self.study, method, group):
            return False
        return test.name == (panels.test or self.study.real_tests[0].name)

    def _add_stages(self, method: Method, group: str | None, seed: int | None) -> dict[str, str]:
        """Add a method's whole chain; gives the names of its jobs by stage."""
        found: dict[str, str] = {}
        for stage in method.stages:
            found[stage.name] = self._stage(method, stage, group, seed, tuple(found.values()))
        self.trainings[method.name, group, seed] = found
        return found

    def _stage(self, method: Method, stage: Stage, group: str | None, seed: int | None, after: tuple[str, ...]) -> str:
        if stage.of is not None:
            other = self.study.method(stage.of)
            if not other.has_part_in(group) or other.checkpoint_in(group) is not None:
                raise StudyError(
                    f"{self.study.file}: '{method.name}' takes the stage '{stage.name}' from '{other.name}', which trains none"
                    f"{'' if group is None else f' in the group {group!r}'}. Give it a stage of its own."
                )
            return self._add_stages(other, group, seed)[stage.name]
        kind: Kind = "command" if stage.command else "train"
        shared = group if stage.per_group else None
        return self._add(Job(kind, method.name, shared, seed if stage.seed is None else stage.seed, stage.name, None, after)).name

    def _add(self, job: Job) -> Job:
        return self.jobs.setdefault(job.name, job)


def only(plan: Plan, study: Study, wanted: list[str]) -> Plan:
    """Keep the jobs of some methods, groups and seeds, and what must be done before them.

    Args:
        plan: All jobs.
        study: For the names that there are.
        wanted: ``METHOD``, ``METHOD/SEED``, ``METHOD/GROUP`` or ``METHOD/GROUP/SEED`` each.

    Returns:
        The smaller plan.

    Raises:
        StudyError: When one names nothing that the study has.
    """
    chosen = [_parse(one, study) for one in wanted]
    kept: set[str] = set()
    for job in reversed(plan.jobs.values()):
        fits = any(job.method == m and g in (None, job.group) and s in (None, job.seed) for m, g, s in chosen)
        if fits or job.name in kept:
            kept.update((job.name, *job.after))
    return replace(plan, jobs={name: job for name, job in plan.jobs.items() if name in kept})


def _parse(wanted: str, study: Study) -> tuple[str, str | None, int | None]:
    names = [method.name for method in study.methods]
    # A method's name may have a slash in it.
    name = next((name for name in sorted(names, key=len, reverse=True) if f"{wanted}/".startswith(f"{name}/")), None)
    if name is None:
        raise StudyError(f"--only {wanted}: expected METHOD, METHOD/SEED or METHOD/GROUP/SEED. {near_match(wanted, names)}")
    group, seed = None, None
    for part in filter(None, wanted[len(name) :].split("/")):
        if part in study.group_names:
            group = part
        elif part.isdecimal():
            seed = int(part)
        else:
            raise StudyError(f"--only {wanted}: '{part}' is neither a seed nor a group of the study.")
    return name, group, seed
