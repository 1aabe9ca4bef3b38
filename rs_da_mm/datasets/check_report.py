"""The report on a data set: its problems, and what its parts are made of, as text and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rs_da_mm.datasets.base import SceneWindowDataset
from rs_da_mm.datasets.checks import Problem, check_files
from rs_da_mm.datasets.statistics import PERCENTS, DatasetStatistics, compute_statistics, save_statistics
from rs_da_mm.errors import InputError


@dataclass(frozen=True)
class PartReport:
    """What one part of a data set is made of.

    Attributes:
        name: The part: 'train', 'val', 'test', 'all'.
        root: The data set's folder.
        statistics: Its numbers, or ``None`` when they could not be computed.
        skipped: Scenes that they leave out, because something is wrong with them.
        path: Where the numbers were written, or ``None``.
        is_sample: Whether they are those of a synthetic miniature.
    """

    name: str
    root: str
    statistics: DatasetStatistics | None
    skipped: tuple[str, ...]
    path: str | None
    is_sample: bool


@dataclass(frozen=True)
class Report:
    """What a check found.

    Attributes:
        parts: Per part.
        problems: Everything that is wrong.
    """

    parts: tuple[PartReport, ...]
    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, Any]:
        """The form that is written to files."""
        content = asdict(self)
        for part, own in zip(content["parts"], self.parts, strict=True):
            if own.statistics is not None:
                part["statistics"]["origin"] = own.statistics.origin.to_json()
        return content

    def to_text(self) -> str:
        """The form that people read."""
        blocks = [text for part in self.parts for text in _part_lines(part)]
        trained = next((part.statistics for part in self.parts if part.name in ("train", "all") and part.statistics), None)
        blocks += [_config_lines(trained)] if trained is not None else []
        return "\n\n".join([*blocks, _problem_lines(self.problems)])


def check_datasets(datasets: Mapping[str, SceneWindowDataset]) -> Report:
    """Check the files of data sets, each folder once, and describe their windows.

    Statistics of parts without problems are written beside the splits, where
    :func:`~rs_da_mm.datasets.statistics.load_statistics` finds them.

    Args:
        datasets: Data sets by the name of their part, made with ``lazy_init=True``.

    Returns:
        The report.

    Raises:
        DatasetError: When there is no data set at all.
    """
    found: dict[tuple[Any, ...], list[Problem]] = {}
    problems: list[Problem] = []
    parts = []
    for name, dataset in datasets.items():
        key = (dataset.layout, dataset.selection().scenes, dataset.label_code, dataset.scheme)
        if key not in found:
            found[key] = check_files(dataset)
            problems += [problem for problem in found[key] if problem not in problems]
        bad = tuple(sorted({problem.scene for problem in found[key] if problem.scene}))
        try:
            parts.append(_describe_part(name, dataset, bad))
        except InputError as error:
            parts.append(PartReport(name, str(dataset.root), None, bad, None, dataset.layout.is_sample))
            if not found[key]:  # otherwise it follows from what is wrong with the files
                problems.append(Problem("unusable", "", f"Part '{name}': {error}"))
    return Report(tuple(parts), tuple(problems))


def _describe_part(name: str, dataset: SceneWindowDataset, bad: tuple[str, ...]) -> PartReport:
    dataset.full_init()
    statistics = compute_statistics(dataset, skip=frozenset(bad))
    path = None
    if not bad:
        path = statistics_path(dataset)
        try:
            save_statistics(statistics, path)
        except OSError:
            path = None
    return PartReport(name, str(dataset.root), statistics, bad, None if path is None else str(path), dataset.layout.is_sample)


def statistics_path(dataset: SceneWindowDataset) -> Path:
    """Where the statistics of a data set's part are kept: a name for every choice of windows and bands."""
    dataset.full_init()
    return dataset.cache_dir / f"statistics_{dataset.provenance.parameters['part']}_{dataset.provenance.short_name}.json"


def _part_lines(part: PartReport) -> list[str]:
    head = f"== {part.name}: {part.root}{' (a synthetic miniature)' if part.is_sample else ''}"
    statistics = part.statistics
    if statistics is None:
        return [f"{head}\nno statistics before the problems below are solved"]
    pixels = sum(one.pixels for one in statistics.classes)
    total = pixels + statistics.ignored
    lines = [head, f"{statistics.windows} windows, {pixels} labelled pixels, {statistics.ignored / max(total, 1):.2%} ignored"]
    if part.skipped:
        lines.append(f"without {len(part.skipped)} scenes that have problems: {', '.join(part.skipped)}")
    if part.path is not None:
        lines.append(f"written to {part.path}")
    return ["\n".join(lines), _class_table(statistics), _band_table(statistics)]


def _class_table(statistics: DatasetStatistics) -> str:
    head = ["class", "pixels", "share", "weight (median frequency)", "weight (inverse root)"]
    rows = [
        [one.name, str(one.pixels), f"{one.share:.2%}", f"{one.median_frequency_weight:.4f}", f"{one.inverse_root_weight:.4f}"]
        for one in statistics.classes
    ]
    return _table(head, rows)


def _band_table(statistics: DatasetStatistics) -> str:
    head = ["band", "pixels", "mean", "std", "min", *(f"p{percent}" for percent in PERCENTS), "max"]
    rows = []
    for one in statistics.bands:
        numbers = [one.mean, one.std, one.minimum, *one.percentiles.values(), one.maximum]
        rows.append([one.name, str(one.pixels), *(f"{number:.6g}" for number in numbers)])
    return _table(head, rows)


def _config_lines(statistics: DatasetStatistics) -> str:
    """Lines that can be pasted into a config."""
    means, stds = (
        [round(number, 4) for number in numbers] for numbers in zip(*((b.mean, b.std) for b in statistics.bands), strict=True)
    )
    weights = [round(one.median_frequency_weight, 4) for one in statistics.classes]
    return (
        "== for the config\n"
        f"data_preprocessor = dict(mean={means}, std={stds})\n"
        f"loss_decode = dict(class_weight={weights})  # median frequency; 0 for a class that does not occur"
    )


def _problem_lines(problems: Sequence[Problem]) -> str:
    if not problems:
        return "no problems"
    lines = [f"  {place}. [{problem.kind}] {problem.text}" for place, problem in enumerate(problems, 1)]
    return "\n".join([f"== {len(problems)} problem{'s' if len(problems) > 1 else ''}", *lines])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns under their heads, the first to the left and numbers to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])
