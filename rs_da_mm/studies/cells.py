"""The cells of a table: values by seed, their mean and sample standard deviation, and why some are not there."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rs_da_mm.studies.description import Evaluation, Metric
from rs_da_mm.studies.fields import StudyError, near_match
from rs_da_mm.studies.results import RUN_QUANTITIES, Results, Run, RunState, expected_seeds

Seed = int | None

_REASONS: Mapping[RunState, str] = {
    "failed": "failed (see log)",
    "missing": "not run yet",
    "interrupted": "interrupted",
    "outdated": "run with other settings",
}


@dataclass(frozen=True)
class Cell:
    """One number of a table.

    Attributes:
        values: By seed.
        expected: How many seeds there are to be.
        reason: Why values are missing; empty where none is.
    """

    values: Mapping[Seed, float] = field(default_factory=dict)
    expected: int = 0
    reason: str = ""

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values)

    @property
    def mean(self) -> float | None:
        """Their mean; None without any."""
        return statistics.fmean(self.values.values()) if self.values else None

    @property
    def deviation(self) -> float | None:
        """Their sample standard deviation (divisor n - 1); None for less than two."""
        return statistics.stdev(self.values.values()) if len(self.values) > 1 else None

    def number(self, decimals: int) -> str:
        """``'76.41 ± 0.32'``, or ``'76.41'`` for a single value and for a count that is always the same; empty without any."""
        if self.mean is None:
            return ""
        if self.deviation is None or (decimals == 0 and self.deviation == 0):
            return f"{self.mean:.{decimals}f}"
        return f"{self.mean:.{decimals}f} ± {self.deviation:.{decimals}f}"

    def remark(self) -> str:
        """What is to be said beside the number, or in its place."""
        if self.expected == 0:
            return "–"
        missing = self.expected - self.count
        if missing == 0:
            return ""
        if self.count == 0:
            return self.reason or "–"
        return f"({missing} of {self.expected} seeds missing: {self.reason})"


def make_cell(results: Results, method: str, group: str | None, test: Evaluation, metric: Metric) -> Cell:
    """Put the values of one method, group, test and metric together.

    Args:
        results: What there is.
        method: The method's name.
        group: The group's name.
        test: The test, or the mean of several.
        metric: The metric; one that is relative to a method is taken seed by seed.

    Returns:
        The cell.
    """
    study = results.study
    seeds = expected_seeds(study, study.method(method), group)
    cells = [_measured(results, method, group, name, metric) for name in (test.mean_of or (test.name,))]
    common = [seed for seed in seeds if all(seed in cell.values for cell in cells)]
    values = {seed: statistics.fmean(cell.values[seed] for cell in cells) for seed in common}
    reason = "; ".join(dict.fromkeys(cell.reason for cell in cells if cell.reason))
    expected = len(seeds) if any(cell.expected for cell in cells) else 0
    if metric.relative_to is None:
        return Cell(values, expected, reason)
    absolute = Metric(metric.key, metric.name, metric.title, metric.better, metric.decimals, None, metric.tests)
    base = make_cell(results, metric.relative_to, group, test, absolute)
    changes = {}
    for seed, value in values.items():
        reference = base.values.get(seed, base.values.get(None))
        if reference:
            changes[seed] = (value / reference - 1) * 100
    if base.reason:
        reason = "; ".join(filter(None, [reason, f"{metric.relative_to}: {base.reason}"]))
    return Cell(changes, expected, reason)


def best_of(cells: Sequence[Cell], metric: Metric) -> frozenset[int]:
    """Find the best cells of a column: those that show the best mean, if there is anything to be better than.

    Args:
        cells: The column.
        metric: Says which way is better, and how many digits are shown.

    Returns:
        Their positions; several where they show the same, and none where all do.
    """
    means = {index: round(cell.mean, metric.decimals) for index, cell in enumerate(cells) if cell.mean is not None}
    if metric.better is None or len(means) < 2:
        return frozenset()
    best = max(means.values()) if metric.better == "higher" else min(means.values())
    found = frozenset(index for index, mean in means.items() if mean == best)
    return found if len(found) < len(means) else frozenset()


def check_metric_names(results: Results) -> None:
    """Refuse a metric that no run has given, though runs are done.

    Raises:
        StudyError: With the nearest name that the evaluator gives.
    """
    for test in results.study.real_tests:
        runs = [run for run in results.runs if run.state == "done" and run.job.test == test.name]
        given = dict.fromkeys(name for run in runs for name in run.metrics)
        for metric in results.study.metrics_of(test):
            if runs and metric.name not in given and metric.name not in {f"run.{name}" for name in RUN_QUANTITIES}:
                raise StudyError(
                    f"{results.study.file}: metrics '{metric.key}': the test '{test.name}' gives no '{metric.name}'. "
                    f"{near_match(metric.name, given)} Nothing has to be run again for it."
                )


def _measured(results: Results, method: str, group: str | None, test: str, metric: Metric) -> Cell:
    runs = results.of(method, group, test)
    values = {run.job.seed: value for run in runs if (value := _value(run, metric)) is not None}
    return Cell(values, len(runs), _reason((run for run in runs if run.job.seed not in values), metric))


def _value(run: Run, metric: Metric) -> float | None:
    value = run.metrics.get(metric.name) if run.state == "done" else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and value is not None else None


def _reason(runs: Iterable[Run], metric: Metric) -> str:
    words = []
    for run in runs:
        if run.state == "needs":
            words.append(f"needs {run.message}")
        elif run.state == "done":
            words.append("undefined" if metric.name in run.metrics else "–")
        else:
            words.append(_REASONS[run.state])
    return "; ".join(dict.fromkeys(words))
