"""What is said around a table: what its numbers are, on which data, and of which checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rs_da_mm.studies.chosen_checkpoint import selection_in_words
from rs_da_mm.studies.preparation import Preparation
from rs_da_mm.studies.results import Results


def table_notes(results: Results, preparation: Preparation) -> list[str]:
    """Say what the numbers of a study's table are.

    Args:
        results: What there is.
        preparation: Knows the configs.

    Returns:
        One sentence or two per point.
    """
    return [
        *_measured(results),
        *_seeds(results),
        *_checkpoints(results, preparation),
        *_papers(results),
        *_missing(results),
        *(f"{method.name}: {method.note}" for method in results.study.methods if method.note),
        *results.study.notes,
    ]


def miniature_notice(results: Results) -> str:
    """The sentence that belongs above every number of a miniature; empty where there is none."""
    if not results.on_miniatures:
        return ""
    return "Measured on a **miniature**: synthetic sample data. No number of it says anything about the real data set."


def _measured(results: Results) -> list[str]:
    lines = []
    for group in results.study.group_names:
        runs = [run for run in results.runs if run.job.group == group and run.state == "done"]
        tested = {
            test.name: run.scores for test in results.study.real_tests for run in runs if run.job.test == test.name and run.scores
        }
        if not tested:
            continue
        found = results.study.group(group)
        data = found.title if found is not None else results.study.data or ", ".join(_types(scores) for scores in tested.values())
        kind = " (a miniature of it, synthetic)" if results.is_miniature(group) else ""
        parts = ", ".join(_part(results, test, scores.get("samples")) for test, scores in tested.items())
        lines.append(f"Measured here: {data}{kind}, {parts}.")
    return lines


def _types(scores: Mapping[str, Any]) -> str:
    names = [str(dataset["type"]) for dataset in scores.get("datasets", [])]
    return " and ".join(dict.fromkeys(names)) or "the config's data"


def _part(results: Results, name: str, samples: object) -> str:
    test = results.study.test(name)
    title = test.title or f"{'validation' if test.part == 'val' else 'test'} part"
    extra = ", averaged over the eight symmetries" if test.tta else ""
    return f"{title}: {samples} samples{extra}"


def _seeds(results: Results) -> list[str]:
    seeds = ", ".join(map(str, results.study.seeds))
    if len(results.study.seeds) == 1:
        return [f"One run each, with seed {seeds}: how much another seed would change is not known. Bold: the best of a column."]
    return [f"Mean ± sample standard deviation over the seeds {seeds}. Bold: the best mean of a column, at the digits shown."]


def _checkpoints(results: Results, preparation: Preparation) -> list[str]:
    """Which checkpoint was tested, the methods that agree together."""
    words: dict[str, list[str]] = {}
    for run in results.runs:
        training = preparation.configs.training(run.job)
        if training is None:
            method = results.study.method(run.job.method)
            text = f"{method.checkpoint_in(run.job.group)}, evaluated as it was found"
        else:
            text = selection_in_words(preparation.configs.select(training), preparation.configs.config(training).to_dict())
        if run.job.method not in words.setdefault(text, []):
            words[text].append(run.job.method)
    if len(words) == 1:
        return [f"Tested: {next(iter(words))}."]
    return [f"Tested of {', '.join(methods)}: {text}." for text, methods in words.items()]


def _papers(results: Results) -> list[str]:
    lines = [f"{paper.title}: reported there, not measured here. {paper.note or ''}".strip() for paper in results.study.papers]
    if lines and results.on_miniatures:
        lines.append("The papers' numbers are of the real data sets and cannot be compared with those of a miniature.")
    return lines


def _missing(results: Results) -> list[str]:
    lines = []
    for (method, group), words in results.needs.items():
        place = "" if group is None else f" in {group}"
        lines.append(f"{method}{place} needs what is not there: {', '.join(words)}.")
    for run in results.runs:
        if run.state == "failed":
            lines.append(f"{', '.join(filter(None, [run.job.method, run.job.group]))} failed: {run.message}")
        elif run.state == "outdated":
            lines.append(f"{run.job.title} was run with other settings, and is left out: {run.message}.")
    return list(dict.fromkeys(lines))
