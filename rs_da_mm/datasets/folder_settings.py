"""What a config says about files of one's own: patterns, lists, how each kind is read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rs_da_mm.datasets.area_of_interest import AreaOfInterest
from rs_da_mm.datasets.pattern_layout import PatternLayout
from rs_da_mm.datasets.quality_rules import QualityRule
from rs_da_mm.datasets.scene_files import SceneReading
from rs_da_mm.datasets.scene_list import ListedScene, read_scene_table, scenes_of_rows
from rs_da_mm.datasets.scene_patterns import FilePattern
from rs_da_mm.datasets.vector_files import is_vector_file
from rs_da_mm.datasets.vector_labels import VectorChoice
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Resampling

_RASTER_KEYS = frozenset(("path", "band"))
_VECTOR_KEYS = frozenset(
    ("path", "layer", "field", "where", "line_width", "point_radius", "all_touched", "shape_class", "background")
)
_MASK_KEYS = frozenset(("path", "kind", "invalid", "band"))


@dataclass(frozen=True)
class FolderSettings:
    """The arguments of :class:`~rs_da_mm.datasets.RasterFolderDataset` that say where files lie and how they are read."""

    images: str | Sequence[str] | None
    labels: str | Mapping[str, Any] | None
    heights: str | None
    masks: Sequence[Mapping[str, Any]]
    area_of_interest: Any
    list_file: str | Path | None
    scenes: Sequence[str] | Sequence[Mapping[str, Any]] | None
    groups: Mapping[str, str] | None
    nodata: float | None
    resample: Resampling | None

    @property
    def chosen_scenes(self) -> Sequence[str] | None:
        """Names of the scenes that are used; ``None`` for all, or where they are listed with their files."""
        return None if self.scenes is None or self._are_listed else cast("Sequence[str]", self.scenes)

    def layout(self, root: Path, classes: Sequence[str]) -> PatternLayout:
        """Say where the files lie.

        Args:
            root: The data set's folder.
            classes: Names of the classes, for labels that are shapes.

        Raises:
            DatasetError: When an argument is missing, unknown, or contradicts another.
        """
        listed = self._listed(root)
        patterns = self._image_patterns(listed)
        path, options = self._label_path()
        area = AreaOfInterest.parse(self.area_of_interest, root)
        vectors = None
        if _are_shapes(path, options, listed):
            _require_keys("labels", options, _VECTOR_KEYS, "of shapes")
            vectors = VectorChoice.parse(options, classes)
        else:
            _require_keys("labels", options, _RASTER_KEYS, "of pixels")
        for mask in self.masks:
            _require_keys("masks", mask, _MASK_KEYS, "")
        rules = tuple(QualityRule.parse(mask) for mask in self.masks)
        reading = SceneReading(self.resample, self.nodata, True, _band(options), vectors, area, rules)
        return PatternLayout(
            root,
            patterns,
            None if path is None else FilePattern(path),
            None if self.heights is None else FilePattern(self.heights),
            tuple(FilePattern(str(mask["path"])) for mask in self.masks if "path" in mask),
            reading,
            listed,
            tuple((name, _expression(name, spelled)) for name, spelled in (self.groups or {}).items()),
            None if self.list_file is None else str(self.list_file),
        )

    @property
    def _are_listed(self) -> bool:
        return self.scenes is not None and not isinstance(self.scenes, str) and any(isinstance(s, Mapping) for s in self.scenes)

    def _listed(self, root: Path) -> tuple[ListedScene, ...] | None:
        if self._are_listed:
            if self.list_file is not None or self.images is not None:
                raise DatasetError("scenes=[dict(image=…), …] lists the files already; leave images and list_file out.")
            return scenes_of_rows([dict(cast("Mapping[str, Any]", one)) for one in self.scenes or ()], "scenes")
        if self.list_file is None:
            return None
        if self.images is not None:
            raise DatasetError(
                f"Both images={self.images!r} and list_file='{self.list_file}' say which images there are; give one."
            )
        return read_scene_table(root / self.list_file)

    def _image_patterns(self, listed: Sequence[ListedScene] | None) -> tuple[FilePattern, ...]:
        if listed is not None:
            return ()
        spelled = (self.images,) if isinstance(self.images, str) else tuple(self.images or ())
        if not spelled:
            raise DatasetError(
                "Nothing says where the images are; give images='images/{scene}.tif' (a pattern under data_root), several "
                "patterns for scenes of several files, or list_file='scenes.csv'."
            )
        return tuple(map(FilePattern, spelled))

    def _label_path(self) -> tuple[str | None, Mapping[str, Any]]:
        if self.labels is None or isinstance(self.labels, (str, Path)):
            return None if self.labels is None else str(self.labels), {}
        path = self.labels.get("path")
        return None if path is None else str(path), self.labels


def _are_shapes(path: str | None, options: Mapping[str, Any], listed: Sequence[ListedScene] | None) -> bool:
    first = path or next((one.label for one in listed or () if one.label), None)
    if first is None and listed is None:
        raise DatasetError("Nothing says where the labels are; give labels='labels/{scene}.tif', one file, or dict(path=…).")
    return (first is not None and is_vector_file(first)) or bool(set(options) & (_VECTOR_KEYS - _RASTER_KEYS))


def _require_keys(what: str, options: Mapping[str, Any], known: frozenset[str], of: str) -> None:
    unknown = sorted(set(options) - known)
    if unknown:
        raise DatasetError(
            f"{what} {of} cannot have {', '.join(unknown)}; they take {', '.join(sorted(known))}.".replace("  ", " ")
        )


def _band(options: Mapping[str, Any]) -> int | None:
    band = options.get("band")
    if band is None:
        return None
    if isinstance(band, bool) or not isinstance(band, int) or band < 1:
        raise DatasetError(f"labels: band is {band!r}; give its number, counted from 1.")
    return band


def _expression(name: str, spelled: str) -> str:
    try:
        re.compile(spelled)
    except re.error as error:
        raise DatasetError(f"groups: {spelled!r} of '{name}' is no regular expression: {error}.") from error
    return spelled
