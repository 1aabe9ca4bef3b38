"""Reading what makes the columns of a study: its groups, its tests and its metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, TypeVar

from rs_da_mm.studies.description import Evaluation, Group, Metric, folder_name
from rs_da_mm.studies.fields import REQUIRED, Fields, StudyError, near_match


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Part = TypeVar("Part", bound=_Named)


def read_groups(fields: Fields) -> list[Group]:
    """Read ``groups``.

    Raises:
        StudyError: When something cannot be meant so.
    """
    return read_named(fields, "groups", _group)


def read_tests(fields: Fields, stages: Iterable[str]) -> list[Evaluation]:
    """Read ``tests``; a study without any has one, of the config's own test data.

    Args:
        fields: The study file's keys.
        stages: Names of the stages that there are.

    Raises:
        StudyError: When something cannot be meant so.
    """
    tests = read_named(fields, "tests", _test) or [Evaluation("test")]
    real = [test.name for test in tests if not test.mean_of]
    if not real:
        raise StudyError(f"{fields.where}: every test is the mean of others; expected at least one that is run.")
    for test in tests:
        for other in test.mean_of:
            reject_unknown(other, real, f"{fields.where}: tests '{test.name}': mean_of", "test")
        if test.stage is not None:
            reject_unknown(test.stage, stages, f"{fields.where}: tests '{test.name}': stage", "stage")
    return tests


def read_metrics(fields: Fields, methods: Sequence[str], tests: Sequence[str]) -> list[Metric]:
    """Read ``metrics``.

    Args:
        fields: The study file's keys.
        methods: Names of the methods, for ``relative_to``.
        tests: Names of the tests, for ``tests``.

    Raises:
        StudyError: When something cannot be meant so.
    """
    listed = [_metric(one, f"{fields.where}: metrics[{index}]") for index, one in enumerate(fields.items("metrics", REQUIRED))]
    if not listed:
        raise fields.fail("metrics", [], "at least one, named as the evaluator names it: metrics = ['mIoU']")
    keys = [metric.key for metric in listed]
    for metric in listed:
        where = f"{fields.where}: metrics '{metric.key}'"
        if keys.count(metric.key) > 1:
            raise StudyError(f"{where} is there twice; give one of them key='…' of its own.")
        if metric.relative_to is not None:
            reject_unknown(metric.relative_to, methods, f"{where}: relative_to", "method")
        for test in metric.tests:
            reject_unknown(test, tests, f"{where}: tests", "test")
    return listed


def read_named(fields: Fields, name: str, read: Callable[[Any, str], Part], required: bool = False) -> list[Part]:
    """Read a list of parts, each of which gets a folder by its name.

    Args:
        fields: The study file's keys.
        name: The key of the list.
        read: Reads one part, from its content and what it is for errors.
        required: Whether the list must be there.

    Raises:
        StudyError: When it is missing, two parts would share a folder, and what ``read`` raises.
    """
    listed = fields.items(name, REQUIRED if required else ())
    parts = [read(one, f"{fields.where}: {name}[{index}]") for index, one in enumerate(listed)]
    seen: dict[str, str] = {}
    for part in parts:
        folder = folder_name(part.name).lower()
        if not folder:
            raise StudyError(
                f"{fields.where}: {name}: '{part.name}' has no letter or digit of ASCII to name a folder after. Rename it."
            )
        if folder in seen:
            raise StudyError(
                f"{fields.where}: {name}: '{seen[folder]}' and '{part.name}' would share the folder '{folder}'. Rename one."
            )
        seen[folder] = part.name
    return parts


def reject_unknown(name: str, known: Iterable[str], where: str, what: str) -> None:
    """Refuse a name that is none of the known ones.

    Raises:
        StudyError: With the nearest of them.
    """
    names = list(known)
    if name not in names:
        raise StudyError(f"{where} names the {what} '{name}', which there is not. {near_match(name, names)}")


def _group(content: Any, where: str) -> Group:
    fields = Fields(content, where)
    name = fields.text("name")
    group = Group(name, fields.text("title", name), fields.mapping("overrides"), fields.mappings("stage_overrides"))
    fields.finish()
    return group


def _test(content: Any, where: str) -> Evaluation:
    fields = Fields({"name": content} if isinstance(content, str) else content, where)
    name = fields.text("name")
    test = Evaluation(
        name=name,
        title=fields.text("title", name),
        part=fields.choice("part", ("test", "val"), "test"),
        stage=fields.optional_text("stage"),
        overrides=fields.mapping("overrides"),
        tta=fields.flag("tta", False),
        mean_of=fields.texts("mean_of"),
    )
    fields.finish()
    if test.mean_of and (test.overrides or test.tta or test.stage):
        raise StudyError(f"{where}: a mean of other tests has no overrides, tta or stage of its own. Leave them out.")
    return test


def _metric(content: Any, where: str) -> Metric:
    fields = Fields({"name": content} if isinstance(content, str) else content, where)
    name = fields.text("name")
    better = fields.choice("better", ("higher", "lower", "neither"), "higher")
    metric = Metric(
        key=fields.text("key", name),
        name=name,
        title=fields.text("title", name),
        better=None if better == "neither" else "lower" if better == "lower" else "higher",
        decimals=fields.integer("decimals", 2),
        relative_to=fields.optional_text("relative_to"),
        tests=fields.texts("tests"),
    )
    fields.finish()
    return metric
