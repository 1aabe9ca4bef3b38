"""Where a data set's files lie: scenes, their images, labels and masks, found by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rs_da_mm.datasets.samples.marker import is_sample
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import scene_fingerprint

_SHOWN = 5


@dataclass(frozen=True)
class SceneFiles:
    """The files of one scene.

    Attributes:
        scene: Its name.
        images: One file, or several whose bands are counted on from file to file.
        label: The label.
        mask: A raster that is 0 where the scene holds no data, or ``None``.
    """

    scene: str
    images: tuple[Path, ...]
    label: Path
    mask: Path | None = None

    @property
    def all_files(self) -> tuple[Path, ...]:
        """Images, label and mask."""
        return (*self.images, self.label, *([self.mask] if self.mask else []))

    def fingerprint(self) -> str:
        """A short key of what the files hold; see :func:`rs_da_mm.raster.scene_fingerprint`."""
        stamps = tuple((file.stat().st_size, file.stat().st_mtime_ns) for file in self.all_files)
        return _fingerprint(self.all_files, stamps)


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
            raise DatasetError(f"'{folder}' has no image of {_list(missing)}, which the data set's scenes name: {self.advice}")
        names = there if scenes is None else list(scenes)
        without = [scene for scene in names if self.label(scene) is None]
        if without:
            wanted = " or ".join(f"'{self.label_dir}/{self.label_stem(without[0])}{suffix}'" for suffix in self.label_suffixes)
            raise DatasetError(f"'{self.root}' has no label for {_list(without)}; looked for {wanted}: {self.advice}")
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


def _list(scenes: Sequence[str]) -> str:
    shown = ", ".join(f"'{scene}'" for scene in scenes[:_SHOWN])
    more = len(scenes) - _SHOWN
    return f"{shown} and {more} more scenes" if more > 0 else shown


@lru_cache(maxsize=65536)
def _fingerprint(files: tuple[Path, ...], stamps: tuple[tuple[int, int], ...]) -> str:
    """Read a fingerprint once per process, not once for each of training, validation and test part."""
    return scene_fingerprint(files)
