"""The budgets of a study's methods side by side, and what to say where they are not the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from rs_da_mm.studies.budgets import Budget, differences, quantity_in_words
from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.results import Results
from rs_da_mm.studies.table import markdown_grid

_COLUMNS = {
    "iterations": "iterations",
    "samples": "samples seen",
    "pixels": "pixels seen",
    "window": "window",
    "epochs": "epochs",
    "batch_size": "batch",
    "ranks": "ranks",
    "labelled_windows": "labelled windows",
    "early_stopping": "early stopping",
    "parameters": "parameters",
}

Quantities = Mapping[str, Any]


def budgets_by_stage(results: Results) -> dict[tuple[str | None, str], dict[str, Quantities]]:
    """Put the budgets of the methods together.

    Args:
        results: What there is.

    Returns:
        By group and stage, the quantities of each method of which a training is done: the value, or the list of values where
        they differ from seed to seed.
    """
    found: dict[tuple[str | None, str], dict[str, list[Budget]]] = {}
    for group, stage, method, budget in _budgets(results):
        found.setdefault((group, stage), {}).setdefault(method, []).append(budget)
    order = [method.name for method in results.study.methods]
    return {
        place: {method: _together(found[place][method]) for method in sorted(found[place], key=order.index)}
        for place in sorted(found, key=lambda place: (results.study.group_names.index(place[0]) if place[0] else -1, place[1]))
    }


def budget_warnings(results: Results) -> list[str]:
    """Say where methods that are compared were not given the same.

    Args:
        results: What there is.

    Returns:
        One sentence per group and stage; none where all is equal.
    """
    sentences = []
    for (group, stage), methods in budgets_by_stage(results).items():
        compared = {name: known for name, known in methods.items() if results.study.method(name).compare_budget}
        found = differences(compared, results.study.budget.compare)
        if found:
            place = ", ".join(filter(None, [_title(results, group), stage if _has_stages(results) else ""]))
            sentences.append(f"The budgets differ{f' ({place})' if place else ''}: {'; '.join(found)}.")
    return sentences


def refuse_unequal(results: Results) -> None:
    """Refuse a table of methods that were not given the same, where the study asks for that.

    Raises:
        StudyError: Naming what differs.
    """
    found = budget_warnings(results)
    if found and results.study.budget.rule == "equal":
        raise StudyError(
            f"{results.study.file}: budget is 'equal', and no table is made: {' '.join(found)} The runs are kept. Make the "
            "budgets equal, leave the quantity out of budget=dict(rule='equal', compare=[…]), or say budget='reported'."
        )


def budget_table(results: Results) -> str:
    """Write what each method was given as Markdown; empty where nothing is done yet."""
    staged, grouped = _has_stages(results), bool(results.study.groups)
    rows = [
        [method, *([_title(results, group)] if grouped else []), *([stage] if staged else []), *_words(known)]
        for (group, stage), methods in budgets_by_stage(results).items()
        for method, known in methods.items()
    ]
    if not rows:
        return ""
    return markdown_grid([["method", *(["group"] if grouped else []), *(["stage"] if staged else []), *_COLUMNS.values()], *rows])


def _budgets(results: Results) -> Iterator[tuple[str | None, str, str, Budget]]:
    for training in results.trainings:
        if training.budget is not None:
            yield training.group, training.stage, training.method, training.budget
    for run in results.runs:
        if run.state == "done" and run.budget is not None and not run.job.after:
            yield run.job.group, run.job.stage, run.job.method, run.budget


def _together(budgets: list[Budget]) -> Quantities:
    known: dict[str, Any] = {}
    for name in asdict(budgets[0]):
        values = list(dict.fromkeys(getattr(budget, name) for budget in budgets))
        known[name] = values[0] if len(values) == 1 else values
    return known


def _words(known: Quantities) -> list[str]:
    words = [quantity_in_words(name, known[name]) for name in _COLUMNS]
    if known.get("stopped_early") not in (None, False):
        words[list(_COLUMNS).index("early_stopping")] += " (stopped early)"
    return words


def _title(results: Results, group: str | None) -> str:
    found = results.study.group(group)
    return "all groups" if found is None and results.study.groups else "" if found is None else found.title


def _has_stages(results: Results) -> bool:
    return any(len(method.stages) > 1 for method in results.study.methods)
