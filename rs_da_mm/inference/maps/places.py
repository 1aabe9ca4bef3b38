"""Where the files of a map lie."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rs_da_mm.errors import InputError
from rs_da_mm.inference.maps.options import MapOptions

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

    def files(self, options: MapOptions) -> dict[str, Path]:
        """List the files of a map by kind, the record last.

        Args:
            options: What is asked for.
        """
        wanted = {
            "labels": True,
            "scores": options.scores is not None,
            "uncertainty": options.uncertainty is not None,
            "style": options.style,
            "preview": options.preview,
            "vectors": options.vectors,
            "record": True,
        }
        return {kind: getattr(self, kind) for kind, is_wanted in wanted.items() if is_wanted}

    def _beside(self, ending: str) -> Path:
        return self.labels.with_name(self.labels.stem + ending)
