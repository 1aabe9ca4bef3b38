"""Reading the papers' numbers of a study file, and putting each in its place in the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rs_da_mm.studies.description import Evaluation, Group, Method, Metric, Paper, Place
from rs_da_mm.studies.fields import Fields, StudyError, near_match


def read_papers(
    fields: Fields, methods: Sequence[Method], groups: Sequence[Group], tests: Sequence[Evaluation], metrics: Sequence[Metric]
) -> tuple[Paper, ...]:
    """Read ``papers``: a list of tables that others have published.

    Args:
        fields: The study file's keys.
        methods: The study's methods.
        groups: Its groups; where there are any, they are the second level of the numbers.
        tests: Its tests; where there are several, they are the next level.
        metrics: Its metrics, the last level.

    Returns:
        The tables.

    Raises:
        StudyError: When a number belongs to something that the study has not, or is no number.
    """
    levels = [[method.name for method in methods]]
    if groups:
        levels.append([group.name for group in groups])
    if len(tests) > 1:
        levels.append([test.name for test in tests])
    levels.append([metric.key for metric in metrics])
    papers = []
    for index, content in enumerate(fields.items("papers")):
        parts = Fields(content, f"{fields.where}: papers[{index}]")
        numbers: dict[Place, float] = {}
        where = f"{fields.where}: papers[{index}].values"
        for path, value in _leaves(parts.mapping("values"), where, levels, ("method", *_names(groups, tests), "metric")):
            group = path[1] if groups else None
            numbers[Place(path[0], group, path[-2] if len(tests) > 1 else tests[0].name, path[-1])] = value
        papers.append(Paper(parts.text("citation"), parts.text("table"), numbers, parts.optional_text("note")))
        parts.finish()
    return tuple(papers)


def _names(groups: Sequence[Group], tests: Sequence[Evaluation]) -> tuple[str, ...]:
    return (*(("group",) if groups else ()), *(("test",) if len(tests) > 1 else ()))


def _leaves(
    content: Any, where: str, levels: Sequence[Sequence[str]], names: Sequence[str]
) -> list[tuple[tuple[str, ...], float]]:
    """Walk down the levels of a nested dict to its numbers."""
    if not levels:
        if not isinstance(content, int | float) or isinstance(content, bool):
            raise StudyError(f"{where} is {content!r}; expected a number.")
        return [((), float(content))]
    if not isinstance(content, Mapping):
        raise StudyError(f"{where} is {content!r}; expected a dict by {names[0]}: {', '.join(levels[0])}.")
    found = []
    for key, inner in content.items():
        if key not in levels[0]:
            raise StudyError(f"{where} names the {names[0]} '{key}', which the study has not. {near_match(str(key), levels[0])}")
        found += [((key, *path), value) for path, value in _leaves(inner, f"{where}['{key}']", levels[1:], names[1:])]
    return found
