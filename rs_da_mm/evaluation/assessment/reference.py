"""Reference data as they come from a file: shapes with a class each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.raster.vectors.opening import read_crs

_FIELDS = ("class", "reference", "ref", "label", "ref_class", "class_ref", "land_cover", "landcover")
_NO_CLASS_FIELDS = {"fid", "id", "ogc_fid", "objectid", "x", "y", "lon", "lat", "lng", "long", "longitude", "latitude", "easting"}
_NO_CLASS_FIELDS |= {"northing"}


@dataclass(frozen=True)
class Reference:
    """Shapes with a class each.

    Attributes:
        path: The file.
        shapes: shapely geometries in the coordinates of ``crs``, shape (n,); ``None`` where a feature has none.
        ids: What the file calls each feature: a feature id, or the line of a table.
        columns: Attributes by name, each of n texts; ``None`` where there is no value.
        crs: rasterio's ``CRS``; ``None`` where the file names none.
    """

    path: Path
    shapes: NDArray[Any]
    ids: Sequence[int]
    columns: Mapping[str, Sequence[str | None]]
    crs: Any

    def __len__(self) -> int:
        return len(self.shapes)

    def field(self, wanted: str | None) -> str:
        """Choose the attribute that holds the class.

        Args:
            wanted: Its name, in whatever case; without one, the first of the usual names, or the only attribute.

        Returns:
            The name, as the file spells it.

        Raises:
            InputError: When there is no such attribute, or none that can be told from others.
        """
        by_name = {name.casefold(): name for name in self.columns}
        if wanted is not None:
            if wanted in self.columns:
                return wanted
            if wanted.casefold() in by_name:
                return by_name[wanted.casefold()]
            raise InputError(f"{self.path} has no field {wanted!r}; it has {self._spelled_fields()}.")
        usual = [by_name[name] for name in _FIELDS if name in by_name]
        others = [name for key, name in by_name.items() if key not in _NO_CLASS_FIELDS]
        if usual or len(others) == 1:
            return (usual or others)[0]
        raise InputError(
            f"{self.path}: which field holds the class? It has {self._spelled_fields()}. Name one with --field."
            if others
            else f"{self.path} has no field that could hold a class; it has {self._spelled_fields()}."
        )

    def _spelled_fields(self) -> str:
        def examples(texts: Sequence[str | None]) -> str:
            first = list(dict.fromkeys(text for text in texts if text is not None))[:3]
            return f" ({', '.join(first)}, …)" if first else " (empty)"

        return ", ".join(f"{name}{examples(texts)}" for name, texts in self.columns.items()) or "none"


def as_texts(values: Sequence[Any] | NDArray[Any]) -> list[str | None]:
    """Spell attribute values: whole numbers without a point, what is empty or no number as ``None``."""
    return [_as_text(value) for value in values]


def given_crs(text: str | None) -> Any:
    """Take a coordinate system from the command line.

    Args:
        text: Anything that PROJ knows, as ``EPSG:32632``.

    Returns:
        rasterio's ``CRS``, or ``None`` when none was given.

    Raises:
        InputError: When PROJ does not know it.
    """
    try:
        return read_crs("--crs", text)
    except InputError as error:
        raise InputError(f"--crs {text}: is no coordinate system that PROJ knows; give one like EPSG:32632.") from error


def _as_text(value: Any) -> str | None:
    if value is None or (isinstance(value, (float, np.floating)) and np.isnan(value)):
        return None
    if isinstance(value, (bool, np.bool_)):
        return str(int(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    text = str(value).strip()
    return text or None
