"""Where a data set's files lie: scenes, their images, labels and masks, found by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rs_da_mm.datasets.samples.marker import is_sample
from rs_da_mm.datasets.scene_files import SceneFiles
from rs_da_mm.errors import DatasetError

__all__ = ["Layout", "SceneFiles", "SceneLayout", "spell_scenes"]

_SHOWN = 5


class SceneLayout(Protocol):
    """Knows which scenes a data set has and where their files lie; :class:`Layout` and
    :class:`~rs_da_mm.datasets.pattern_layout.PatternLayout` do.
    """

    @property
    def root(self) -> Path:
        """The data set's folder."""

    @property
    def is_sample(self) -> bool:
        """Whether a miniature of synthetic data lies here."""

    def scene_names(self) -> list[str]:
        """Names of the scenes that have an image, in alphabetical order."""

    def find(self, scenes: Sequence[str] | None = None) -> list[SceneFiles]:
        """The files of scenes; of all that can be used, when they are not given."""

    def files(self, scene: str) -> SceneFiles:
        """The files of one scene."""

    def candidates(self, scene: str) -> tuple[list[Path], list[Path]]:
        """Every file that could be the image of a scene, and every one that could be its label."""

    def labels_without_image(self) -> list[Path]:
        """Labels that belong to no image."""

    def parameters(self) -> dict[str, Any]:
        """The form that is recorded with stored results."""


@dataclass(frozen=True)
class Layout:
    """A data set's folders and the names in them.

    Attributes:
        root: The data set's folder.
        image_dirs: Folders of images in it. The first one says which scenes there are; a scene's files in the others add bands.
        label_dir: Folder of labels.
        image_suffixes: What follows a scene's name in the name of its image: ``('.tif',)``.
        label_suffixes: What follows it in the name of its label: ``('_label.tif',)``; the first that exists is taken.
        label_rename: A part of the scene's name, and what stands for it in the label's name: ``('RGB-PanSharpen_', '')``.
        mask_dir: Folder of per-dataset masks, named as images are, or ``None``.
        advice: What to do when the data set is not there.
    """

    root: Path
    image_dirs: tuple[str, ...]
    label_dir: str
    image_suffixes: tuple[str, ...]
    label_suffixes: tuple[str, ...]
    label_rename: tuple[str, str] = ("", "")
    mask_dir: str | None = None
    advice: str = "data/README.md says where to get it and how to lay it out."

    @property
    def is_sample(self) -> bool:
        """Whether a miniature of synthetic data lies here."""
        return is_sample(self.root)

    def parameters(self) -> dict[str, Any]:
        """The form that is recorded with stored results."""
        return {"image_dir": list(self.image_dirs), "label_dir": self.label_dir, "mask_dir": self.mask_dir}

    def scene_names(self) -> list[str]:
        """Names of the scenes that have an image, in alphabetical order.

        Raises:
            DatasetError: When there are none; it says where it looked, what is needed, and what to do.
        """
        folder = self.root / self.image_dirs[0]
        wanted = " or ".join(f"<scene>{suffix}" for suffix in self.image_suffixes)
        if not self.root.is_dir():
            raise DatasetError(f"There is no data set at '{self.root}': {self.advice}")
        if not folder.is_dir():
            raise DatasetError(f"'{self.root}' has no folder '{self.image_dirs[0]}' with images named {wanted}: {self.advice}")
        names = _stems(folder, self.image_suffixes)
        if not names:
            raise DatasetError(f"'{folder}' has no images named {wanted}: {self.advice}")
        return sorted(set(names))

    def find(self, scenes: Sequence[str] | None = None) -> list[SceneFiles]:
        """Find the files of scenes.

        Args:
            scenes: Names; all scenes when they are not given.

        Returns:
            One entry per scene, in the order of ``scenes``, or of the alphabet.

        Raises:
            DatasetError: When a scene has no image, label or mask; it names the scenes and what was looked for.
        """
        there = self.scene_names()
        known = set(there)
        missing = [scene for scene in scenes or () if scene not in known]
        if missing:
            folder = self.root / self.image_dirs[0]
            raise DatasetError(
                f"'{folder}' has no image of {spell_scenes(missing)}, which the data set's scenes name: {self.advice}"
            )
        names = there if scenes is None else list(scenes)
        without = [scene for scene in names if self.label(scene) is None]
        if without:
            wanted = " or ".join(f"'{self.label_dir}/{self.label_stem(without[0])}{suffix}'" for suffix in self.label_suffixes)
            raise DatasetError(f"'{self.root}' has no label for {spell_scenes(without)}; looked for {wanted}: {self.advice}")
        return [self.files(scene) for scene in names]

    def files(self, scene: str) -> SceneFiles:
        """Find the files of one scene.

        Raises:
            DatasetError: When one is missing; it names what was looked for.
        """
        images = tuple(self._need(folder, scene, self.image_suffixes) for folder in self.image_dirs)
        label = self._need(self.label_dir, self.label_stem(scene), self.label_suffixes)
        mask = self._need(self.mask_dir, scene, self.image_suffixes) if self.mask_dir is not None else None
        return SceneFiles(scene, images, label, mask)

    def label_stem(self, scene: str) -> str:
        """The name of a scene's label, without its suffix."""
        old, new = self.label_rename
        return scene.replace(old, new) if old else scene

    def label(self, scene: str) -> Path | None:
        """The label of a scene, or ``None`` when it has none."""
        return next(iter(self.candidates(scene)[1]), None)

    def candidates(self, scene: str) -> tuple[list[Path], list[Path]]:
        """Every file that could be the image of a scene, and every one that could be its label; the first of each is taken."""
        images = self._named(self.image_dirs[0], scene, self.image_suffixes)
        return images, self._named(self.label_dir, self.label_stem(scene), self.label_suffixes)

    def labels_without_image(self) -> list[Path]:
        """Labels that belong to no image."""
        folder = self.root / self.label_dir
        known = {path.name for scene in self.scene_names() for path in self.candidates(scene)[1]}
        if not folder.is_dir():
            return []
        labels = (path for path in sorted(folder.iterdir()) if path.name.endswith(self.label_suffixes))
        return [path for path in labels if path.name not in known]

    def _named(self, folder: str, stem: str, suffixes: Sequence[str]) -> list[Path]:
        paths = (self.root / folder / f"{stem}{suffix}" for suffix in suffixes)
        return [path for path in paths if path.is_file()]

    def _need(self, folder: str, stem: str, suffixes: Sequence[str]) -> Path:
        found = self._named(folder, stem, suffixes)
        if not found:
            wanted = " or ".join(f"'{self.root / folder / f'{stem}{suffix}'}'" for suffix in suffixes)
            raise DatasetError(f"A scene is not complete: {wanted} does not exist.")
        return found[0]


def _stems(folder: Path, suffixes: Sequence[str]) -> list[str]:
    """Names of a folder's files, without the suffix; hidden files, as macOS and our writers leave them, are none."""
    stems = []
    for path in folder.iterdir():
        suffix = next((suffix for suffix in suffixes if path.name.endswith(suffix)), None)
        if suffix is not None and not path.name.startswith("."):
            stems.append(path.name[: -len(suffix)])
    return stems


def spell_scenes(scenes: Sequence[str]) -> str:
    """Name the first few of some scenes, and say how many more there are."""
    shown = ", ".join(f"'{scene}'" for scene in scenes[:_SHOWN])
    more = len(scenes) - _SHOWN
    return f"{shown} and {more} more scenes" if more > 0 else shown
