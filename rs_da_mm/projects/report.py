"""A project's report: one page that needs no other file."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.splits import PARTS
from rs_da_mm.projects.estimate import Estimate
from rs_da_mm.projects.example_windows import example_windows
from rs_da_mm.projects.parts import Parts
from rs_da_mm.projects.settings import TrainingSettings
from rs_da_mm.projects.split_map import COLOURS, draw_split
from rs_da_mm.projects.survey import Survey
from rs_da_mm.raster import Window
from rs_da_mm.raster.ground_plane import Placement

_ROWS = 40
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fafaf8;
  max-width: 1000px; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.6em } h2 { font-size: 1.2em; margin-top: 2em; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; margin: .5em 0 } th, td { padding: .2em .8em .2em 0; text-align: left; vertical-align: top }
td.n, th.n { text-align: right } tr { border-bottom: 1px solid #e4e4e0 }
.note { border-left: 4px solid #e69f00; padding-left: .8em }
.s { display: inline-block; width: .9em; height: .9em; margin-right: .4em; border: 1px solid #888; vertical-align: -.1em }
pre { background: #eee; padding: .8em; overflow-x: auto } img { max-width: 100% }
figure { display: inline-block; margin: .5em 1em .5em 0 }
figcaption { font-size: .85em; color: #555; max-width: 570px }
"""


def report_page(
    name: str,
    found: Survey,
    parts: Parts,
    training: TrainingSettings,
    estimate: Estimate | None,
    commands: Sequence[str],
    made_by: str,
) -> str:
    """Write the page.

    Args:
        name: The project's name.
        found: What was found.
        parts: The windows, divided.
        training: How it is trained.
        estimate: Memory and time, if they were measured.
        commands: What comes next.
        made_by: The command line.

    Returns:
        HTML.
    """
    sections = [
        f"<h1>{escape(name)}</h1>",
        _summary(found, parts, training),
        _notes([*found.notes, *parts.remarks, *(estimate.advice if estimate is not None else ())]),
        "<h2>What comes next</h2>",
        f"<pre>{escape(chr(10).join(commands))}</pre>",
        "<h2>Classes</h2>",
        _classes(parts),
        "<h2>The parts</h2>",
        _split(found, parts),
        "<h2>Windows of the training part</h2>",
        _examples(parts),
        "<h2>Memory and time</h2>",
        _estimate(estimate),
        "<h2>Bands</h2>",
        _bands(parts),
        "<h2>Files</h2>",
        _files(found),
        f"<p>Made by</p><pre>{escape(made_by)}</pre>",
    ]
    body = "\n".join(sections)
    head = f'<meta charset="utf-8"><title>{escape(name)}</title><style>{_STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _summary(found: Survey, parts: Parts, training: TrainingSettings) -> str:
    facts = found.scenes[0].facts
    windows = sum(len(dataset) for dataset in parts.datasets.values())
    return (
        f"<p>{len(found.scenes)} images of {escape(facts.kind)} with labels in {escape(found.content.kind)} "
        f"({escape(found.labels.how)}), "
        f"read in {windows:,} windows of {parts.window} × {parts.window} pixels. Training draws {training.samples_per_epoch:,} "
        "windows "
        f"per epoch in batches of {training.batch_size}, for {training.epochs} epochs.</p>"
    )


def _notes(notes: Sequence[str]) -> str:
    if not notes:
        return "<p>Nothing stood out in the files.</p>"
    return "<h2>To be known</h2>" + "".join(f'<p class="note">{escape(note)}</p>' for note in notes)


def _classes(parts: Parts) -> str:
    dataset = parts.datasets[PARTS[0]]
    palette = dataset.metainfo["palette"]
    labelled = {part: max(int(pixels[:-1].sum()), 1) for part, pixels in parts.pixels.items()}
    rows = []
    for index, name in enumerate(dataset.classes):
        told: list[str] = [f"{_swatch(palette[index])}{escape(name)}"]
        for part in PARTS:
            pixels = int(parts.pixels[part][index])
            told += [f"{pixels:,}", f"{100 * pixels / labelled[part]:.2f} %"]
        rows.append(told)
    unlabelled = ["not labelled"]
    for part in PARTS:
        unlabelled += [f"{int(parts.pixels[part][-1]):,}", ""]
    heads = ["class", *(text for part in PARTS for text in (f"{part}, pixels", "share of labelled"))]
    return _table(heads, [*rows, unlabelled], numbers=range(1, len(heads)))


def _split(found: Survey, parts: Parts) -> str:
    sizes = {scene.name: (scene.facts.height, scene.facts.width) for scene in found.scenes}
    windows = {part: _windows_of(one) for part, one in parts.datasets.items()}
    placements = {scene.name: Placement.of(scene.open()) for scene in found.scenes} if found.is_placed else {}
    placed = {name: one for name, one in placements.items() if one is not None}
    picture, beyond = draw_split(sizes, windows, placed if len(placed) == len(sizes) and placed else None)
    told = ", ".join(f"{key} {value}" for key, value in parts.settings["split"].items())
    legend = " &nbsp; ".join(f"{_swatch(COLOURS[part])}{part}: {len(parts.datasets[part]):,} windows" for part in PARTS)
    dropped = parts.notes.get("dropped", 0)
    lines = [f"<p>{legend} &nbsp; {_swatch((226, 226, 222))}in none: {dropped:,} between parts, and those without a label</p>"]
    lines.append(_image(picture, f"Split by {told}." + (f" {beyond} more places are not shown." if beyond else "")))
    far = parts.notes.get("distances", {})
    if far:
        lines.append(
            _table(["parts", "nearest windows, metres apart"], [[pair, f"{metres:,.0f}"] for pair, metres in far.items()], [1])
        )
    lines.append(
        "<p>Training sees nothing of the other two parts. <i>val</i> chooses the checkpoint; only <i>test</i>, looked at last, "
        "tells how "
        "good the model is, and only for places like these.</p>"
    )
    return "\n".join(lines)


def _windows_of(dataset: Any) -> dict[str, list[Window]]:
    windows: dict[str, list[Window]] = {}
    for index in range(len(dataset)):
        sample = dataset.data_list[index]
        windows.setdefault(sample["scene"], []).append(Window(*sample["window"]))
    return windows


def _examples(parts: Parts) -> str:
    dataset = parts.datasets[PARTS[0]]
    legend = " &nbsp; ".join(
        f"{_swatch(colour)}{escape(name)}" for name, colour in zip(dataset.classes, dataset.metainfo["palette"], strict=True)
    )
    figures = []
    for one in example_windows(dataset, parts.statistics):
        told = ", ".join(
            f"{name} {100 * share:.0f} %" for name, share in zip(dataset.classes, one.shares, strict=True) if share >= 0.005
        )
        figures.append(_image(one.picture, f"{one.scene}, row {one.window.row}, column {one.window.col}: {told}"))
    return f"<p>{legend}</p>\n" + "\n".join(figures)


def _estimate(estimate: Estimate | None) -> str:
    if estimate is None:
        return "<p>Not measured (--no-estimate).</p>"
    return _table(["", ""], [[escape(name), escape(value)] for name, value in estimate.told()], numbers=[])


def _bands(parts: Parts) -> str:
    rows = [
        [escape(band.name), f"{band.mean:.6g}", f"{band.std:.6g}", f"{band.minimum:.6g}", f"{band.percentiles['2']:.6g}",
         f"{band.percentiles['98']:.6g}", f"{band.maximum:.6g}"]
        for band in parts.statistics.bands
    ]  # fmt: skip
    return _table(["band", "mean", "std", "min", "2 %", "98 %", "max"], rows, numbers=range(1, 7))


def _files(found: Survey) -> str:
    rows = []
    for scene in found.scenes[:_ROWS]:
        facts = scene.facts
        size = "" if facts.pixel is None else f"{facts.pixel.width:.4g} {facts.pixel.unit}"
        label = found.labels.of(scene.name)
        files = "<br>".join(escape(str(path)) for path in scene.images)
        rows.append(
            [escape(scene.name), files, f"{facts.height} × {facts.width}", escape(facts.kind), escape(facts.crs or "none"), size,
             "" if facts.nodata is None else f"{facts.nodata:g}", escape(str(label))]
        )  # fmt: skip
    more = len(found.scenes) - len(rows)
    table = _table(["scene", "files", "size", "bands", "CRS", "pixel", "nodata", "labels"], rows, numbers=[])
    return table + (f"<p>… and {more} more, all in scenes.csv.</p>" if more else "")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: Iterable[int]) -> str:
    right = set(numbers)

    def line(cells: Sequence[str], tag: str) -> str:
        return (
            "<tr>"
            + "".join(f"<{tag}{' class=n' if place in right else ''}>{cell}</{tag}>" for place, cell in enumerate(cells))
            + "</tr>"
        )

    head = line(heads, "th") + "\n" if any(heads) else ""
    return f"<table>\n{head}" + "\n".join(line(row, "td") for row in rows) + "\n</table>"


def _swatch(colour: Sequence[int]) -> str:
    return f'<span class="s" style="background: rgb({colour[0]},{colour[1]},{colour[2]})"></span>'


def _image(picture: NDArray[np.uint8], caption: str) -> str:
    encoded = base64.b64encode(cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))[1].tobytes()).decode("ascii")
    shown, told = f"data:image/png;base64,{encoded}", escape(caption)
    return f'<figure><img alt="{told}" src="{shown}"><figcaption>{told}</figcaption></figure>'
