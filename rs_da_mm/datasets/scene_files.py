"""The files of one scene, and how a data set reads them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from rs_da_mm.datasets.area_of_interest import AreaOfInterest
from rs_da_mm.datasets.quality_rules import QualityRule
from rs_da_mm.datasets.vector_files import files_of_vectors
from rs_da_mm.datasets.vector_labels import VectorChoice
from rs_da_mm.raster import Resampling, Scene, scene_fingerprint

_WHOLE = 1 << 26  # an edit in the middle of a vector file often leaves its size and both ends as they were
_CHUNK = 1 << 22


@dataclass(frozen=True)
class SceneReading:
    """How the files of a data set's scenes are read; the same for all of them.

    Attributes:
        resample: How image files of different pixel size are brought to the finest; ``None`` refuses such files.
        nodata: The value that means "no data" in images, in place of the files' own.
        warps: Whether a label may lie on another grid than its image, and is brought onto it.
        label_band: The band of the label raster, counted from 1; ``None`` for all of them.
        vectors: Which shapes of a vector file are labels, and how they are drawn; ``None`` for labels that are rasters.
        area: Where labels count; ``None`` for everywhere.
        quality: What the values of each quality mask mean.
    """

    resample: Resampling | None = None
    nodata: float | None = None
    warps: bool = False
    label_band: int | None = None
    vectors: VectorChoice | None = None
    area: AreaOfInterest | None = None
    quality: tuple[QualityRule, ...] = ()


@dataclass(frozen=True)
class SceneFiles:
    """The files of one scene.

    Attributes:
        scene: Its name.
        images: One file, or several whose bands are counted on from file to file.
        label: The label: a raster, or a vector file (see ``reading``).
        mask: A raster that is 0 where the scene holds no data, or ``None``.
        height: A raster of heights, or ``None``.
        quality: Quality masks, in the order of the reading's rules.
        groups: Name and value of every group that the scene belongs to, such as ``('city', 'zurich')``.
        reading: How the files are read.
    """

    scene: str
    images: tuple[Path, ...]
    label: Path
    mask: Path | None = None
    height: Path | None = None
    quality: tuple[Path, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    reading: SceneReading = field(default_factory=SceneReading)

    @property
    def rasters(self) -> tuple[Path, ...]:
        """All files that are rasters."""
        label = () if self.reading.vectors is not None else (self.label,)
        further = tuple(path for path in (self.mask, self.height) if path is not None)
        return (*self.images, *label, *further, *self.quality)

    @property
    def vectors(self) -> tuple[Path, ...]:
        """All vector files, with those that belong to them, as to a Shapefile."""
        label = () if self.reading.vectors is None else (self.label,)
        area = self.reading.area
        chosen = (*label, *((area.path,) if area is not None and area.path is not None else ()))
        return tuple(file for path in chosen for file in files_of_vectors(path))

    @property
    def all_files(self) -> tuple[Path, ...]:
        """Images, label, masks, heights, and the area of interest."""
        return (*self.rasters, *self.vectors)

    def image(self) -> Scene:
        """Open the image, all its bands: the grid that everything else of the scene is brought onto.

        Raises:
            RasterError: When a file cannot be opened, or the files do not fit each other.
        """
        return Scene(self.images, mask=self.mask, nodata=self.reading.nodata, resample=self.reading.resample)

    def fingerprint(self) -> str:
        """A short key of what the files hold that windows, labels and valid pixels depend on: all but the heights.

        See :func:`rs_da_mm.raster.scene_fingerprint`; small vector files count whole.
        """
        rasters = tuple(path for path in self.rasters if path != self.height)
        key = _fingerprint(rasters, _stamps(rasters))
        vectors = self.vectors
        if not vectors:
            return key
        return hashlib.sha256(f"{key}:{_digest(vectors, _stamps(vectors))}".encode()).hexdigest()

    def stamps(self) -> tuple[tuple[int, int], ...]:
        """Size and time of change of every file: what tells within one process that a file was replaced, or is gone."""
        try:
            return _stamps(self.all_files)
        except OSError:
            return ()  # opening it says what is wrong


def _stamps(files: tuple[Path, ...]) -> tuple[tuple[int, int], ...]:
    states = (file.stat() for file in files)
    return tuple((state.st_size, state.st_mtime_ns) for state in states)


@lru_cache(maxsize=65536)
def _fingerprint(files: tuple[Path, ...], stamps: tuple[tuple[int, int], ...]) -> str:
    """Read a fingerprint once per process, not once for each of training, validation and test part."""
    return scene_fingerprint(files)


@lru_cache(maxsize=1024)
def _digest(files: tuple[Path, ...], stamps: tuple[tuple[int, int], ...]) -> str:
    """A key of vector files: their names and content; of large ones the ends, as of rasters."""
    digest = hashlib.sha256()
    for path, (size, _) in zip(files, stamps, strict=True):
        digest.update(f"{len(path.name)}:{path.name}:{size}:".encode())
        if size > _WHOLE:
            digest.update(scene_fingerprint(path).encode())
            continue
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
