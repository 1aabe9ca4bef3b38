"""What a study file says, after it was read and checked: methods, groups, tests, metrics, the papers' numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

Overrides = Mapping[str, Any]
Better = Literal["higher", "lower"]

TRAIN = "train"
"""Name of the only stage of a method that has no chain of stages."""

BUDGET_QUANTITIES = ("iterations", "samples", "pixels", "window", "epochs", "labelled_windows", "early_stopping")
"""What can be compared between the budgets of two methods."""


@dataclass(frozen=True)
class Need:
    """A file or folder that a method cannot do without.

    Attributes:
        path: Where it must be.
        what: What it is, for the table's cell "needs …".
    """

    path: str
    what: str


@dataclass(frozen=True)
class Stage:
    """One step of a method's chain: a training, or a command between two trainings.

    Attributes:
        name: What later stages call it: ``{name.checkpoint}``.
        config: The config that is trained; None for a command, and for another method's stage.
        overrides: Settings of the config to override.
        select: Which checkpoint it hands on: ``'best'``, ``'last'`` or a file pattern; None for the study's choice where the
            stage is tested, and ``'last'`` elsewhere.
        command: A tool and its arguments, for a stage that is no training.
        seed: The one seed that it is trained with, for all seeds of the study; None to train it with each.
        per_group: Whether every group trains its own.
        of: The method whose stage of this name is used as it is.
    """

    name: str
    config: Path | None = None
    overrides: Overrides = field(default_factory=dict)
    select: str | None = None
    command: tuple[str, ...] = ()
    seed: int | None = None
    per_group: bool = True
    of: str | None = None


@dataclass(frozen=True)
class StageInGroup:
    """What is different about a stage in one group."""

    config: Path | None = None
    overrides: Overrides = field(default_factory=dict)


@dataclass(frozen=True)
class MethodInGroup:
    """What is different about a method in one group."""

    stages: Mapping[str, StageInGroup] = field(default_factory=dict)
    checkpoint: str | None = None
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True)
class Method:
    """A row of the table.

    Attributes:
        name: As in the table, and, made fit for a path, the name of its folder.
        stages: Its chain; one stage named ``train`` for most.
        section: A heading under which it stands with others.
        checkpoint: Weights to evaluate without any training; may hold ``{seed}`` and ``{group}``.
        needs: What must be there.
        seeds: Its own seeds; None for the study's.
        in_groups: What is different about it in a group; None where it has no part in that group.
        compare_budget: Whether its budget is held against the other methods'.
        note: A sentence under the table.
    """

    name: str
    stages: tuple[Stage, ...]
    section: str | None = None
    checkpoint: str | None = None
    needs: tuple[Need, ...] = ()
    seeds: tuple[int, ...] | None = None
    in_groups: Mapping[str, MethodInGroup | None] = field(default_factory=dict)
    compare_budget: bool = True
    note: str | None = None

    def has_part_in(self, group: str | None) -> bool:
        """Whether it is run in a group."""
        return group is None or self.in_groups.get(group, _WITHOUT_DIFFERENCE) is not None

    def in_group(self, group: str | None) -> MethodInGroup:
        """What is different about it in a group that it has part in."""
        return (self.in_groups.get(group) if group is not None else None) or _WITHOUT_DIFFERENCE

    def checkpoint_in(self, group: str | None) -> str | None:
        """The weights that are evaluated without training, if they are."""
        return self.in_group(group).checkpoint or self.checkpoint


_WITHOUT_DIFFERENCE = MethodInGroup()


@dataclass(frozen=True)
class Group:
    """A group of columns in which everything is trained anew: a data set, a number of labels."""

    name: str
    title: str
    overrides: Overrides = field(default_factory=dict)
    stage_overrides: Mapping[str, Overrides] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """What trained models are tested on: a part of the data set, a city.

    Attributes:
        name: What metrics, panels and the papers' numbers call it.
        title: Heading of its columns; empty where there is one test.
        part: ``'test'``, or ``'val'`` to evaluate on the validation data.
        stage: Whose checkpoint is tested; None for the last stage.
        overrides: Settings of the config to override for this test alone.
        tta: Whether to average over the eight symmetries of the square.
        mean_of: Tests whose plain average this is; it is then no test of its own.
    """

    name: str
    title: str = ""
    part: str = "test"
    stage: str | None = None
    overrides: Overrides = field(default_factory=dict)
    tta: bool = False
    mean_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Metric:
    """A column.

    Attributes:
        key: What the papers' numbers call it.
        name: What the evaluator calls it, or ``run.<quantity>`` for something about the training.
        title: Heading.
        better: Which way is better; None where neither is.
        decimals: Digits behind the point in the table.
        relative_to: A method; the column then holds the change against it in percent, seed by seed.
        tests: In which tests it is shown; all when empty.
    """

    key: str
    name: str
    title: str
    better: Better | None = "higher"
    decimals: int = 2
    relative_to: str | None = None
    tests: tuple[str, ...] = ()


class Place(NamedTuple):
    """Which number of a paper: of which method, in which group and test, of which metric."""

    method: str
    group: str | None
    test: str
    metric: str


@dataclass(frozen=True)
class Paper:
    """Numbers that somebody else reported."""

    citation: str
    table: str
    values: Mapping[Place, float]
    note: str | None = None

    @property
    def title(self) -> str:
        """What the heading of its columns says."""
        return f"paper ({self.citation}, {self.table})"


@dataclass(frozen=True)
class BudgetRule:
    """What is asked of the methods' budgets: ``'equal'`` refuses a table where they differ, ``'reported'`` says so under it."""

    rule: str = "reported"
    compare: tuple[str, ...] = BUDGET_QUANTITIES


@dataclass(frozen=True)
class Panels:
    """Which test windows are shown side by side: ``count`` of them, evenly spread, of these scenes, of this test and seed."""

    count: int
    scenes: tuple[str, ...] = ()
    test: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Study:
    """A study file's content."""

    file: Path
    name: str
    title: str
    methods: tuple[Method, ...]
    metrics: tuple[Metric, ...]
    seeds: tuple[int, ...]
    tests: tuple[Evaluation, ...]
    groups: tuple[Group, ...] = ()
    overrides: Overrides = field(default_factory=dict)
    stage_overrides: Mapping[str, Overrides] = field(default_factory=dict)
    select: str = "best"
    budget: BudgetRule = field(default_factory=BudgetRule)
    papers: tuple[Paper, ...] = ()
    panels: Panels | None = None
    data: str | None = None
    notes: tuple[str, ...] = ()
    methods_as: str = "rows"
    tables: str = "one"

    def method(self, name: str) -> Method:
        """The method of that name, which the reading has made sure of."""
        return next(method for method in self.methods if method.name == name)

    def group(self, name: str | None) -> Group | None:
        """The group of that name; None where the study has no groups."""
        return next((group for group in self.groups if group.name == name), None)

    def test(self, name: str) -> Evaluation:
        """The test of that name."""
        return next(test for test in self.tests if test.name == name)

    @property
    def group_names(self) -> tuple[str | None, ...]:
        """Names of the groups, or one None where there are none."""
        return tuple(group.name for group in self.groups) or (None,)

    @property
    def real_tests(self) -> tuple[Evaluation, ...]:
        """The tests that are run, not averaged from others."""
        return tuple(test for test in self.tests if not test.mean_of)

    def metrics_of(self, test: Evaluation) -> tuple[Metric, ...]:
        """The metrics that are shown for a test."""
        return tuple(metric for metric in self.metrics if not metric.tests or test.name in metric.tests)


def folder_name(name: str) -> str:
    """Make a name fit for a path on every system: letters, digits, point, underscore and hyphen; "U-Net++" keeps its plusses."""
    plain = unicodedata.normalize("NFKD", name).replace("+", "plus")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-.")
