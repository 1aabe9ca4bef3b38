"""What ``scenes.py`` makes of its runs: ratios, shares, equal labels, goals, and tables of them."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import _timing
import numpy as np
import rasterio
from rasterio.windows import Window

REFERENCE = "this fp32"
FAST = "this bf16"
NODATA = 255
STRIP = 1024
PLAIN = ("slide plain fp32", "loop plain fp32")
SAME_NETWORK = {
    FAST: ("slide fused bf16", "loop fused bf16"),
    REFERENCE: ("slide fused fp32", "loop fused fp32"),
}
"""For each precision of this project's, the other tools with the same fused network."""

Runs = Mapping[str, Sequence[Mapping[str, Any]]]


def summary(runs: Runs, pixels: int, maps: Path) -> dict[str, Any]:
    """Sum up all runs.

    Args:
        runs: By method, in the order of the rounds.
        pixels: Of the scene.
        maps: A folder with each method's map in a folder of its own.

    Returns:
        ``methods``: a row per method that ran; ``skipped``: why others did not; ``goals``.
    """
    measured = {name: found for name, found in runs.items() if found and "skipped" not in found[0]}
    methods = {}
    for name, found in measured.items():
        seconds = statistics.median(run["seconds"] for run in found)
        methods[name] = {
            "rounds": len(found),
            "seconds": seconds,
            "cpu_seconds": statistics.median(run["cpu_seconds"] for run in found),
            "mpx_per_second": pixels / 1e6 / seconds,
            "model_share": statistics.median(run["model_seconds"] / run["seconds"] for run in found),
            "windows": found[0]["windows"],
            "ready_mb": _most_megabytes(found, "ready_bytes"),
            "peak_mb": _most_megabytes(found, "peak_bytes"),
            "others": max(run["others"] for run in found),
            "times_as_long": {ours: _ratio(found, measured[ours]) for ours in (FAST, REFERENCE) if ours in measured},
            "equal_labels": equal_labels(maps / _folder(REFERENCE), maps / _folder(name)) if REFERENCE in measured else None,
        }
    parts = {name: _parts(measured[name]) for name in (FAST, REFERENCE) if name in measured}
    skipped = {name: found[0]["skipped"] for name, found in runs.items() if found and "skipped" in found[0]}
    return {"methods": methods, "parts": parts, "skipped": skipped, "goals": list(_goals(methods, parts))}


def equal_labels(reference: Path, other: Path) -> float:
    """Share of the pixels that have a class in a map that have the same one in another.

    Args:
        reference: Folder of a map of this project's.
        other: Folder of any map.
    """
    same = known = 0
    with rasterio.open(reference / "map.tif") as one, rasterio.open(other / "map.tif") as two:
        for row in range(0, one.height, STRIP):
            window = Window(0, row, one.width, min(STRIP, one.height - row))
            labels, others = one.read(1, window=window), two.read(1, window=window)
            same += int(np.count_nonzero((labels == others) & (labels != NODATA)))
            known += int(np.count_nonzero(labels != NODATA))
    return same / known


def report(told: Mapping[str, Any]) -> str:
    """Return what was measured as Markdown tables."""
    header = ["method", "Mpx/s", "s", "CPU s", "of this bf16", "of this fp32", "in the model", "peak MB", "ready MB"]
    rows = []
    for name, row in told["methods"].items():
        ratios = [row["times_as_long"].get(ours) for ours in (FAST, REFERENCE)]
        rows.append(
            [
                *(name, f"{row['mpx_per_second']:.3f}", f"{row['seconds']:.1f}", f"{row['cpu_seconds']:.1f}"),
                *("" if ratio is None else f"{ratio:.2f}×" for ratio in ratios),
                *(f"{100 * row['model_share']:.0f} %", _number(row["peak_mb"]), _number(row["ready_mb"])),
                *(str(row["windows"]), "" if row["equal_labels"] is None else f"{100 * row['equal_labels']:.3f} %"),
                *(str(row["rounds"]), f"{100 * row['others']:.0f} %"),
            ]
        )
    tables = [_timing.markdown_table([*header, "windows", "labels as this fp32", "rounds", "others' CPU"], rows)]
    tables += [f"{name} is skipped: {reason}" for name, reason in told["skipped"].items()]
    if told["parts"]:
        names = list(next(iter(told["parts"].values())))
        found = [[name, *(f"{seconds[part]:.2f}" for part in names)] for name, seconds in told["parts"].items()]
        tables.append("Seconds of the caller's thread:\n\n" + _timing.markdown_table(["", *names], found))
    goals = [[goal["goal"], goal["wanted"], goal["found"], "yes" if goal["met"] else "**no**"] for goal in told["goals"]]
    if goals:
        tables.append(_timing.markdown_table(["goal", "wanted", "found", "met"], goals))
    return "\n\n".join(tables)


def _goals(methods: Mapping[str, Any], parts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Compare what was measured with what is wanted, as far as it was measured."""

    def goal(what: str, wanted: float, found: float, unit: str, most: bool = False) -> dict[str, Any]:
        scale = 100 if unit == " %" else 1
        digits = 3 if wanted == 0.999 else 2
        sign = "≤" if most else "≥"
        return {
            "goal": what,
            "wanted": f"{sign} {scale * wanted:g}{unit}",
            "found": f"{scale * found:.{digits}f}{unit}",
            "value": found,
            "met": found <= wanted if most else found >= wanted,
        }

    for ours, wanted in ((FAST, 3.0), (REFERENCE, 1.4)):
        for others, least in ((PLAIN, wanted), (SAME_NETWORK[ours], 1.0)):
            for other in others:
                if ours in methods and other in methods:
                    yield goal(f"{ours} faster than {other}", least, methods[other]["times_as_long"][ours], "×")
    for ours in (FAST, REFERENCE):
        for other in ("terratorch plain fp32", "torchgeo plain fp32"):
            if ours in methods and other in methods:
                yield goal(f"{ours} faster than {other}", 1.0, methods[other]["times_as_long"][ours], "×")
    for ours in (FAST, REFERENCE):
        if ours not in methods:
            continue
        if PLAIN[0] in methods and methods[ours]["peak_mb"] is not None:
            share = methods[ours]["peak_mb"] / methods[PLAIN[0]]["peak_mb"]
            yield goal(f"peak memory of {ours} in that of {PLAIN[0]}", 0.25, share, "", most=True)
        yield goal(f"{ours} inside the model, end to end", 0.9, methods[ours]["model_share"], " %")
        yield goal(f"{ours} inside the model, while computing", 0.9, parts[ours]["model"] / parts[ours]["total"], " %")
    if FAST in methods and methods[FAST]["equal_labels"] is not None:
        yield goal(f"labels of {FAST} as {REFERENCE}", 0.999, methods[FAST]["equal_labels"], " %")


def _parts(found: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Where the time of this project's run went, medians; ``elsewhere`` is opening, checking, and the record."""
    names = list(found[0]["parts"])
    parts = {name: statistics.median(run["parts"][name] for run in found) for name in names}
    outside = (run["seconds"] - run["parts"]["total"] - run["parts"]["writing_files"] for run in found)
    return {**parts, "elsewhere": statistics.median(outside)}


def _ratio(found: Sequence[Mapping[str, Any]], ours: Sequence[Mapping[str, Any]]) -> float:
    """How many times as long a method takes as this project, within the rounds in which both ran."""
    both = min(len(found), len(ours))
    return _timing.median_ratio([run["seconds"] for run in found[:both]], [run["seconds"] for run in ours[:both]])


def _most_megabytes(found: Sequence[Mapping[str, Any]], name: str) -> float | None:
    sizes = [run[name] for run in found if run[name] is not None]
    return max(sizes) / 1e6 if sizes else None


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.0f}"


def _folder(name: str) -> str:
    return name.replace(" ", "_")
