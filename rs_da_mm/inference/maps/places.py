"""Where the files of a map lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rs_da_mm.errors import InputError

_SUFFIXES = (".tif", ".tiff")


@dataclass(frozen=True)
class MapPlaces:
    """The files of a map, all beside each other: ``town.tif``, ``town_scores.tif``, ``town.json``, ….

    Attributes:
        labels: The map itself.

    Raises:
        InputError: When its name is not a GeoTIFF's.
    """

    labels: Path

    def __post_init__(self) -> None:
        if self.labels.suffix.lower() not in _SUFFIXES:
            raise InputError(f"{self.labels}: a map is written as GeoTIFF; give it the suffix .tif.")
        if self.labels.is_dir():
            raise InputError(f"{self.labels} is a folder; a file was expected.")

    @property
    def scores(self) -> Path:
        """The probability of every class."""
        return self._beside("_scores.tif")

    @property
    def uncertainty(self) -> Path:
        """How unsure the map is."""
        return self._beside("_uncertainty.tif")

    @property
    def vectors(self) -> Path:
        """Polygons."""
        return self._beside(".gpkg")

    @property
    def preview(self) -> Path:
        """The picture."""
        return self._beside(".png")

    @property
    def style(self) -> Path:
        """The QGIS style."""
        return self._beside(".qml")

    @property
    def record(self) -> Path:
        """The record, which is written last: where it is, the map is whole."""
        return self._beside(".json")

    @property
    def unfinished(self) -> Path:
        """The folder of what is not finished yet, to go on from."""
        return self.labels.with_name(f".{self.labels.stem}.unfinished")

    def _beside(self, ending: str) -> Path:
        return self.labels.with_name(self.labels.stem + ending)
