"""Reference points from a table: CSV with coordinates."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.reference import Reference, as_texts
from rs_da_mm.raster.vectors.libraries import shapely
from rs_da_mm.raster.vectors.opening import read_crs

SUFFIXES = (".csv", ".tsv", ".txt")
_DEGREES = (("lon", "lat"), ("longitude", "latitude"), ("long", "lat"), ("lng", "lat"))
_PLANE = (("x", "y"), ("easting", "northing"))


def read_table(path: Path, crs: Any = None) -> Reference:
    """Read a table with a line per point.

    Separators can be commas, semicolons or tabs; beside the latter two, numbers may have a decimal comma.

    Args:
        path: The file, in UTF-8.
        crs: rasterio's ``CRS`` of the coordinates. Without it, columns ``lon`` and ``lat`` are WGS 84, and go first where a table
            has ``x`` and ``y`` too; with it, ``x`` and ``y`` go first.

    Returns:
        The points. ``crs`` is ``None`` for ``x`` and ``y`` when none was given.

    Raises:
        InputError: When it cannot be read, has no coordinates or no lines, or a coordinate is no number.
    """
    names, lines, rows, separator = _read_cells(path)
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    x, y, is_degrees = _coordinate_columns(path, names, prefer_plane=crs is not None)
    numbers = [_numbers(path, name, lines, columns[name], separator) for name in (x, y)]
    where = read_crs(path, "EPSG:4326") if is_degrees else crs
    texts = {name: as_texts(cells) for name, cells in columns.items()}
    return Reference(path, shapely().points(np.array(numbers).T), lines, texts, where)


def _read_cells(path: Path) -> tuple[list[str], list[int], list[list[str]], str]:
    """Names of the columns, numbers and cells of the lines, and what separates cells."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a table in UTF-8: {error}.") from error
    header = text.partition("\n")[0]
    separator = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    found = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    if len(found) < 2:
        raise InputError(f"{path} has no points: a line with the names of the columns and a line per point were expected.")
    names = [name.strip() for name in found[0][1]]
    if len(set(names)) < len(names):
        raise InputError(f"{path}: names a column twice: {', '.join(names)}.")
    for line, row in found[1:]:
        if len(row) != len(names):
            raise InputError(f"{path}, line {line}: has {len(row)} cells, and the first line names {len(names)} columns.")
    return names, [line for line, _ in found[1:]], [row for _, row in found[1:]], separator


def _coordinate_columns(path: Path, names: Sequence[str], prefer_plane: bool) -> tuple[str, str, bool]:
    """The columns of the coordinates, and whether they are degrees on WGS 84."""
    by_name = {name.casefold(): name for name in names}
    pairs = [(pair, is_degrees) for group, is_degrees in ((_DEGREES, True), (_PLANE, False)) for pair in group]
    for (first, second), is_degrees in sorted(pairs, key=lambda pair: pair[1] == prefer_plane):
        if first in by_name and second in by_name:
            return by_name[first], by_name[second], is_degrees and not prefer_plane
    raise InputError(f"{path}: names no columns lon and lat, or x and y; it has {', '.join(names)}.")


def _numbers(path: Path, name: str, lines: Sequence[int], cells: Sequence[str], separator: str) -> list[float]:
    numbers = []
    for line, cell in zip(lines, cells, strict=True):
        try:
            number = float(cell.replace(",", ".") if separator != "," else cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InputError(f"{path}, line {line}: {name} is {cell.strip()!r}; a number was expected.")
        numbers.append(number)
    return numbers
