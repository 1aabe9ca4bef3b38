"""The files that a study leaves: the table as Markdown, every run as CSV, everything as JSON."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rs_da_mm.engine.environment import collect_environment, git_states
from rs_da_mm.files import atomic_write_json, atomic_write_text
from rs_da_mm.studies.budget_report import budget_table, budget_warnings
from rs_da_mm.studies.cells import Cell, make_cell
from rs_da_mm.studies.effective_config import plain
from rs_da_mm.studies.notes import miniature_notice, table_notes
from rs_da_mm.studies.preparation import Preparation
from rs_da_mm.studies.results import Results, Run
from rs_da_mm.studies.table import markdown_table


def write_tables(results: Results, preparation: Preparation, folder: Path) -> list[Path]:
    """Write ``table.md``, ``runs.csv`` and ``study.json``, each whole or not at all.

    Args:
        results: What there is.
        preparation: Knows the configs.
        folder: Where to.

    Returns:
        The files.
    """
    paths = [folder / "table.md", folder / "runs.csv", folder / "study.json"]
    atomic_write_text(paths[0], study_markdown(results, preparation))
    atomic_write_text(paths[1], runs_csv(results))
    atomic_write_json(paths[2], study_json(results, preparation))
    return paths


def study_markdown(results: Results, preparation: Preparation) -> str:
    """Write a study's page: its tables, what their numbers are, and the budgets."""
    study = results.study
    lines = [f"# {study.title}", ""]
    notice = miniature_notice(results)
    lines += [f"> {notice}", ""] if notice else []
    if study.tables == "per_group" and study.groups:
        for group in study.groups:
            lines += [f"## {group.title}", "", markdown_table(results, [group.name]), ""]
    else:
        lines += [markdown_table(results, study.group_names), ""]
    lines += [f"- **Warning: {sentence}**" for sentence in budget_warnings(results)]
    lines += [f"- {sentence}" for sentence in table_notes(results, preparation)]
    budgets = budget_table(results)
    if budgets:
        lines += ["", "## Budgets", "", "What the trainings were really given, counted while they ran.", "", budgets]
    return "\n".join(lines) + "\n"


def runs_csv(results: Results) -> str:
    """Write one row per run, numbers in full precision: method, group, test, seed, state, metrics, what was trained."""
    metrics = list(dict.fromkeys(metric.name for metric in results.study.metrics))
    quantities = ["iterations", "epochs", "samples", "pixels", "labelled_windows", "batch_size", "ranks", "parameters", "seconds"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    own = ["section", "method", "group", "test", "seed", "state", "message"]
    writer.writerow([*own, *metrics, "test_samples", "checkpoint", "checkpoint_sha256", "miniature", *quantities])
    for run in results.runs:
        budget = asdict(run.budget) if run.budget is not None else {}
        writer.writerow(
            [
                results.study.method(run.job.method).section or "",
                run.job.method,
                run.job.group or "",
                run.job.test,
                "" if run.job.seed is None else run.job.seed,
                run.state,
                run.message,
                *(_full(run.metrics.get(name)) for name in metrics),
                run.scores.get("samples", ""),
                run.scores.get("checkpoint", ""),
                run.scores.get("checkpoint_sha256", ""),
                _yes_or_no(run.is_miniature),
                *(_full(budget.get(name)) for name in quantities),
            ]
        )
    return text.getvalue()


def study_json(results: Results, preparation: Preparation) -> dict[str, Any]:
    """Put everything that is known of a study into plain data."""
    study = results.study
    return {
        "study": study.name,
        "file": study.file.as_posix(),
        "title": study.title,
        "miniature": bool(miniature_notice(results)),
        "seeds": list(study.seeds),
        "notes": table_notes(results, preparation),
        "budget_rule": asdict(study.budget),
        "budget_warnings": budget_warnings(results),
        "table": _table(results),
        "papers": [
            {
                "citation": paper.citation,
                "table": paper.table,
                "note": paper.note,
                "values": [{**place._asdict(), "value": value} for place, value in paper.values.items()],
            }
            for paper in study.papers
        ],
        "runs": [_run(run) for run in results.runs],
        "trainings": [
            {
                "method": training.method,
                "group": training.group,
                "seed": training.seed,
                "stage": training.stage,
                "folder": training.job,
                "state": "missing" if training.record is None else training.record.state,
                "fingerprint": None if training.record is None else training.record.fingerprint,
                "seconds_of_all_attempts": None if training.record is None else training.record.seconds,
                "attempts": 0 if training.record is None else training.record.attempts,
                "budget": None if training.budget is None else training.budget.to_json(),
                "result": {} if training.record is None else plain(training.record.result),
            }
            for training in results.trainings
        ],
        "needs": [{"method": method, "group": group, "what": list(words)} for (method, group), words in results.needs.items()],
        "environment": collect_environment(),
        "git": git_states(study.file),
    }


def _table(results: Results) -> list[dict[str, Any]]:
    study = results.study
    return [
        {
            "method": method.name,
            "group": group,
            "test": test.name,
            "metric": metric.key,
            **_statistics(make_cell(results, method.name, group, test, metric)),
        }
        for group in study.group_names
        for method in study.methods
        for test in study.tests
        for metric in study.metrics_of(test)
    ]


def _statistics(cell: Cell) -> dict[str, Any]:
    return {
        "mean": cell.mean,
        "std": cell.deviation,
        "n": cell.count,
        "expected": cell.expected,
        "reason": cell.reason,
        "values": [{"seed": seed, "value": value} for seed, value in cell.values.items()],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "method": run.job.method,
        "group": run.job.group,
        "seed": run.job.seed,
        "stage": run.job.stage,
        "test": run.job.test,
        "folder": run.job.name,
        "state": run.state,
        "message": run.message,
        "fingerprint": None if run.record is None else run.record.fingerprint,
        "command": [] if run.record is None else list(run.record.command),
        "scores": dict(run.scores),
        "budget": None if run.budget is None else run.budget.to_json(),
    }


def _full(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _yes_or_no(known: bool | None) -> str:
    return "" if known is None else "yes" if known else "no"
