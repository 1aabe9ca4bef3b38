"""Where the files of data of one's own lie: found by patterns of names, or told one by one."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.logging import print_log

from rs_da_mm.datasets.layout import spell_scenes
from rs_da_mm.datasets.samples.marker import is_sample
from rs_da_mm.datasets.scene_files import SceneFiles, SceneReading
from rs_da_mm.datasets.scene_list import ListedScene
from rs_da_mm.datasets.scene_patterns import FilePattern, is_sidecar
from rs_da_mm.errors import DatasetError

Fields = dict[str, str]


@dataclass(frozen=True)
class PatternLayout:
    """The scenes of a folder, by patterns.

    Attributes:
        root: The data set's folder.
        images: Patterns of image files. The first says which scenes there are; those of the others add bands.
        labels: The pattern of label files, or one file for all scenes; ``None`` when the list of scenes names them.
        heights: The pattern of files of heights, or one file for all; ``None`` without.
        masks: Patterns of quality masks, in the order of the reading's rules.
        reading: How the files are read.
        listed: The scenes, where a list names them; ``None`` for those that fit the images' pattern.
        groups: Name of a group, and the expression that finds its value in a scene's name.
        listed_in: The name of the list, where it is a file.
    """

    root: Path
    images: tuple[FilePattern, ...]
    labels: FilePattern | None
    heights: FilePattern | None = None
    masks: tuple[FilePattern, ...] = ()
    reading: SceneReading = field(default_factory=SceneReading)
    listed: tuple[ListedScene, ...] | None = None
    groups: tuple[tuple[str, str], ...] = ()
    listed_in: str | None = None

    @property
    def is_sample(self) -> bool:
        """Whether a miniature of synthetic data lies here."""
        return is_sample(self.root)

    def parameters(self) -> dict[str, Any]:
        """The form that is recorded with stored results."""
        reading = self.reading
        vectors = {} if reading.vectors is None else asdict(reading.vectors)
        return {
            "images": [pattern.text for pattern in self.images] if self.listed is None else self.listed_in or "a list",
            "labels": {"path": self.labels and self.labels.text, "band": reading.label_band, **vectors},
            "masks": [
                {"path": pattern.text, **rule.parameters()} for pattern, rule in zip(self.masks, reading.quality, strict=False)
            ],
            "area_of_interest": reading.area and reading.area.parameters(),
            "resample": reading.resample,
            "nodata": reading.nodata,
        }

    def scene_names(self) -> list[str]:
        """Names of the scenes that have an image, in alphabetical order.

        Raises:
            DatasetError: When there are none; it says what was looked for.
        """
        return sorted(self._scenes)

    def find(self, scenes: Sequence[str] | None = None) -> list[SceneFiles]:
        """Find the files of scenes.

        Args:
            scenes: Names. When they are not given, all scenes that have a label; a line in the log names the others.

        Returns:
            One entry per scene, in the order of ``scenes``, or of the alphabet.

        Raises:
            DatasetError: When a scene that is named is not there or has no label, none has a label, or another file is missing.
        """
        known = self._scenes
        missing = [scene for scene in scenes or () if scene not in known]
        if missing:
            raise DatasetError(
                f"'{self.root}' has no image of {spell_scenes(missing)}, which scenes=… names; those that are there are "
                f"{spell_scenes(sorted(known))}."
            )
        names = self.scene_names() if scenes is None else list(scenes)
        without = [scene for scene in names if not self._label(scene)]
        if without and (scenes is not None or len(without) == len(names)):
            raise DatasetError(
                f"'{self.root}' has no label for {spell_scenes(without)}; looked for '{self._wanted_label(without[0])}'. Give "
                "labels=… a pattern that fits, or one file for all scenes."
            )
        if without:
            text = f"{len(without)} of {len(names)} scenes are left out, since they have no label: {spell_scenes(without)}."
            print_log(text, "current", logging.WARNING)
        left_out = set(without)
        return [self.files(scene) for scene in names if scene not in left_out]

    def files(self, scene: str) -> SceneFiles:
        """Find the files of one scene.

        Raises:
            DatasetError: When one is missing; it names what was looked for.
        """
        fields, first = self._scenes[scene]
        one = self._list.get(scene)
        images: tuple[Path, ...]
        if one is not None:
            images = tuple(_there(self.root / name, scene) for name in one.images)
        else:
            images = (first, *(self._need("images", pattern, fields) for pattern in self.images[1:]))
        labels = self._label(scene)
        if len(labels) != 1:
            raise DatasetError(_incomplete("labels", self._wanted_label(scene), labels))
        height = self._height(one, fields)
        named = () if one is None else tuple(_there(self.root / name, scene) for name in one.masks)
        quality = named or tuple(self._need("masks", pattern, fields) for pattern in self.masks)
        if len(quality) != len(self.reading.quality):
            raise DatasetError(
                f"Scene '{scene}' has {len(quality)} masks, and masks=[…] says what the values of "
                f"{len(self.reading.quality)} mean."
            )
        return SceneFiles(
            scene, images, labels[0], None, height, quality, self._groups_of(scene, fields, one), reading=self.reading
        )

    def candidates(self, scene: str) -> tuple[list[Path], list[Path]]:
        """Every file that could be the image of a scene, and every one that could be its label."""
        return [self._scenes[scene][1]], self._label(scene)

    def labels_without_image(self) -> list[Path]:
        """Labels that belong to no image; none where one label is for all scenes."""
        if self.labels is None or self.labels.is_fixed or self.listed is not None:
            return []
        known = {path for scene in self._scenes for path in self._label(scene)}
        images = {path for _, path in self._scenes.values()}
        there = (path for _, path in self.labels.find(self.root))
        return [path for path in there if path not in known and path not in images and not path.name.endswith(".aux.xml")]

    @cached_property
    def _list(self) -> dict[str, ListedScene]:
        """The scenes of the list by name; none where patterns find them."""
        return {one.scene: one for one in self.listed or ()}

    @cached_property
    def _scenes(self) -> dict[str, tuple[Fields, Path]]:
        """Fields and first image of each scene."""
        if not self.root.is_dir():
            raise DatasetError(f"There is no data set at '{self.root}'; data_root names the folder that the patterns start from.")
        if self.listed is not None:
            firsts = {one.scene: self.root / one.images[0] for one in self.listed}
            return {
                one.scene: ({**_own_fields(firsts[one.scene], one.scene), **dict(one.groups)}, firsts[one.scene])
                for one in self.listed
            }
        pattern = self.images[0]
        found = [(fields, path) for fields, path in pattern.find(self.root) if pattern.is_fixed or not is_sidecar(path)]
        if not found:
            raise DatasetError(
                f"'{self.root}' has no image that fits '{pattern.text}'. Give images=… a pattern such as 'images/{{scene}}.tif', "
                "in which {scene} stands for the scene's name."
            )
        scenes: dict[str, tuple[Fields, Path]] = {}
        for fields, path in found:
            name = "/".join(fields.values()) if fields else _stem(self.root, path)
            if name in scenes:
                raise DatasetError(f"{path} and {scenes[name][1]} are both scene '{name}'; name what tells them apart: {{date}}.")
            scenes[name] = (fields or _own_fields(path, name), path)
        return self._without_companions(scenes)

    def _without_companions(self, scenes: dict[str, tuple[Fields, Path]]) -> dict[str, tuple[Fields, Path]]:
        """Leave out what the images' pattern takes for a scene, and is the label, mask or height of one."""
        patterns = [pattern for pattern in (self.labels, self.heights, *self.masks) if pattern is not None]
        taken: set[Path] = set()
        for fields, path in scenes.values():
            for pattern in patterns:
                taken.update(other for other in pattern.fill(self.root, fields) if other != path)
        return {name: (fields, path) for name, (fields, path) in scenes.items() if path not in taken}

    def _label(self, scene: str) -> list[Path]:
        """The label of a scene; none when it has none, several when the pattern is not clear."""
        one = self._list.get(scene)
        if one is not None and one.label is not None:
            path = self.root / one.label
            return [path] if path.exists() else []
        return [] if self.labels is None else self.labels.fill(self.root, self._scenes[scene][0])

    def _wanted_label(self, scene: str) -> str:
        one = self._list.get(scene)
        if one is not None and one.label is not None:
            return one.label
        return "a label in the list" if self.labels is None else self.labels.spelled(self._scenes[scene][0])

    def _height(self, one: ListedScene | None, fields: Fields) -> Path | None:
        if one is not None and one.height is not None:
            return _there(self.root / one.height, one.scene)
        return None if self.heights is None else self._need("heights", self.heights, fields)

    def _need(self, what: str, pattern: FilePattern, fields: Fields) -> Path:
        found = pattern.fill(self.root, fields)
        if len(found) != 1:
            raise DatasetError(_incomplete(what, str(self.root / pattern.spelled(fields)), found))
        return found[0]

    def _groups_of(self, scene: str, fields: Fields, one: ListedScene | None) -> tuple[tuple[str, str], ...]:
        named = {} if one is not None else {name: value for name, value in fields.items() if name not in ("scene", "name")}
        named |= dict(one.groups) if one is not None else {}
        for name, expression in self.groups:
            match = re.search(expression, scene)
            if match is None:
                raise DatasetError(f"groups: the expression {expression!r} of '{name}' finds nothing in the scene '{scene}'.")
            named[name] = match[1] if match.re.groups else match[0]
        return tuple(sorted(named.items()))


def _stem(root: Path, path: Path) -> str:
    """A path without its suffix, counted from the data set's folder where it lies in it."""
    inside = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    return inside.with_suffix("").as_posix()


def _own_fields(path: Path, scene: str) -> Fields:
    """What patterns of labels can name where the images' pattern has no fields: the scene, and its file's name."""
    return {"scene": scene, "name": path.stem}


def _there(path: Path, scene: str) -> Path:
    if not path.exists():
        raise DatasetError(f"Scene '{scene}' is not complete: '{path}' does not exist.")
    return path


def _incomplete(what: str, wanted: str, found: Sequence[Path]) -> str:
    if not found:
        return f"A scene is not complete: {what} '{wanted}' does not exist."
    names = ", ".join(path.name for path in found[:3])
    return f"{what} '{wanted}' fits {len(found)} files ({names}); give a pattern that fits one."
