"""What label rasters hold, counted block by block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.projects.findings import Findings
from rs_da_mm.projects.label_content import MOST, Colour, LabelContent
from rs_da_mm.raster import Scene, Window
from rs_da_mm.raster.tags import file_tags

_ROWS = 1024
_FILES = 400
_FAR_TOO_MANY = 1 << 16


@dataclass
class _Counted:
    """What was counted so far.

    Attributes:
        values: Pixels of each value, of files with one band.
        colours: Pixels of each colour, of files with three bands.
        painted: Pixels of each colour, of files with one band and a palette.
        bare: Files with one band and no palette.
    """

    values: Counter[int] = field(default_factory=Counter)
    colours: Counter[str] = field(default_factory=Counter)
    painted: Counter[str] = field(default_factory=Counter)
    palette: dict[int, Colour] = field(default_factory=dict)
    nodata: set[int] = field(default_factory=set)
    names: dict[int, str] = field(default_factory=dict)
    bare: list[Path] = field(default_factory=list)


def look_at_rasters(paths: Sequence[Path], findings: Findings) -> LabelContent | None:
    """Count what label rasters hold; of very many, evenly chosen ones.

    Args:
        paths: The files.
        findings: Takes what is wrong.

    Returns:
        The content; ``None`` where there is a problem.
    """
    chosen = [paths[place] for place in np.linspace(0, len(paths) - 1, min(len(paths), _FILES), dtype=int)]
    counted = _Counted()
    try:
        for path in chosen:
            _count(path, counted)
    except InputError as error:
        findings.problems.append(str(error))
        return None
    return _judged(counted, chosen[0], (len(chosen), len(paths)), findings)


def _count(path: Path, counted: _Counted) -> None:
    scene = Scene(path)
    if scene.count == 3:
        counted.colours.update(_count_colours(scene))
        return
    if scene.count != 1:
        raise InputError(
            f"{path} has {scene.count} bands; a label has one band of values, or three of colours. Take the band that holds the "
            "classes out of it (`gdal_translate -b N`)."
        )
    values = _count_values(scene)
    palette = {value: (one[0], one[1], one[2]) for value, one in (scene.colormap or {}).items()}
    if scene.nodata is not None and float(scene.nodata).is_integer():
        counted.nodata.add(int(scene.nodata))
    counted.values.update(values)
    counted.names.update(_names_in_tags(path))
    if len(set(palette.values())) > 1 and set(values) <= set(palette):
        counted.palette.update(palette)
        for value, pixels in values.items():
            counted.painted["#{:02x}{:02x}{:02x}".format(*palette[value])] += pixels
    else:
        counted.bare.append(path)


def _judged(counted: _Counted, first: Path, looked_at: tuple[int, int], findings: Findings) -> LabelContent | None:
    if counted.colours and counted.bare:
        findings.problems.append(
            f"Of the labels, {len(counted.bare)} have one band without a palette ({counted.bare[0]}), and others three bands of "
            f"colour; bring them into one form, or choose those of one form by a pattern."
        )
        return None
    painted = counted.colours + counted.painted if counted.colours else Counter[str]()
    pairs: list[tuple[Any, int]] = [*painted.most_common()] if painted else sorted(counted.values.items())
    if not pairs:
        findings.problems.append(
            f"Nothing is labelled: {first} holds no data{' and so do the others' if looked_at[1] > 1 else ''}."
        )
        return None
    if len(pairs) > MOST:
        findings.problems.append(
            f"The labels hold {len(pairs):,} different {'colours' if painted else 'values'} ({first} among them); labels of "
            "classes "
            "hold a few. Is it an image, or was a label saved as JPEG, which blurs the colours at edges?"
        )
        return None
    if painted:
        colours = {one: (int(one[1:3], 16), int(one[3:5], 16), int(one[5:7], 16)) for one in painted}
        return LabelContent("colours", dict(pairs), colours=colours, looked_at=looked_at)
    shown = {value: colour for value, colour in counted.palette.items() if value in counted.values}
    return LabelContent("values", dict(pairs), frozenset(counted.nodata), dict(shown), dict(counted.names), looked_at=looked_at)


def _strips(scene: Scene) -> Iterator[tuple[NDArray[Any], NDArray[np.uint8]]]:
    for row in range(0, scene.height, _ROWS):
        yield scene.read_with_valid(Window(row, 0, min(_ROWS, scene.height - row), scene.width))


def _count_values(scene: Scene) -> Counter[int]:
    counted: Counter[int] = Counter()
    for raw, valid in _strips(scene):
        values, counts = np.unique(raw[..., 0][valid != 0], return_counts=True)
        broken = values[values != np.rint(values)] if raw.dtype.kind == "f" else values[:0]
        if broken.size:
            raise InputError(
                f"{scene.name} holds {broken[0]:g}; labels are whole numbers. Is it a raster of heights, or another index?"
            )
        counted.update({int(value): int(count) for value, count in zip(values, counts, strict=True)})
        if len(counted) > _FAR_TOO_MANY:
            break
    return counted


def _count_colours(scene: Scene) -> Counter[str]:
    if scene.dtype != np.uint8:
        raise InputError(f"{scene.name} has three bands of {scene.dtype}; labels of colours have 8 bit.")
    counted: Counter[str] = Counter()
    for raw, valid in _strips(scene):
        packed = raw[valid != 0].astype(np.int32) @ np.array([1 << 16, 1 << 8, 1], np.int32)
        values, counts = np.unique(packed, return_counts=True)
        counted.update({f"#{value:06x}": int(count) for value, count in zip(values.tolist(), counts, strict=True)})
        if len(counted) > _FAR_TOO_MANY:
            break
    return counted


def _names_in_tags(path: Path) -> dict[int, str]:
    """Names as this project writes them: tags CLASS_0, CLASS_1, and so on."""
    tags = {key: value for key, value in file_tags(path).items() if key.startswith("CLASS_")}
    return {int(key[6:]): value for key, value in tags.items() if key[6:].isdigit()}
