"""The images that are there: which files make a scene, and what they say about themselves."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from rs_da_mm.datasets.scene_patterns import FilePattern, is_sidecar
from rs_da_mm.errors import DatasetError, RasterError
from rs_da_mm.projects.file_names import files_in, is_raster_name, key_of, looks_like_label, one_band_families
from rs_da_mm.projects.findings import Findings, some
from rs_da_mm.raster import GroundBox, PixelSize, Scene, ground_box, pixel_metres

_SHIFT = 0.5
"""Files of one scene differ in their edges by no more than this part of the coarser one's pixel."""


@dataclass(frozen=True)
class ImageFacts:
    """What an image says about itself.

    Attributes:
        height: Rows.
        width: Columns.
        bands: Image bands over all files.
        dtype: Name of the NumPy dtype.
        descriptions: The files' names of the bands.
        nodata: The value that means "no data".
        crs: The coordinate system, spelled; ``None`` where the file names none.
        has_grid: Whether it has an affine grid.
        pixel: Size of a pixel in metres, as far as it can be told.
        box: Where it lies, in degrees.
    """

    height: int
    width: int
    bands: int
    dtype: str
    descriptions: tuple[str | None, ...]
    nodata: float | None
    crs: str | None
    has_grid: bool
    pixel: PixelSize | None
    box: GroundBox | None

    @property
    def is_placed(self) -> bool:
        """Whether it says where it lies on the ground."""
        return self.crs is not None and self.has_grid

    @property
    def kind(self) -> str:
        """Bands and dtype in words."""
        return f"{self.bands} x {self.dtype}"


@dataclass(frozen=True)
class FoundScene:
    """A scene as it was found.

    Attributes:
        name: Its name.
        images: Its files.
        facts: What they say.
        fields: What the pattern found in its name, for the patterns of labels and others.
        groups: Name and value of each group.
    """

    name: str
    images: tuple[Path, ...]
    facts: ImageFacts
    fields: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        """The words of its name that tell it apart from others."""
        return key_of(self.name)

    def open(self) -> Scene:
        """Open its image."""
        return Scene(self.images, resample="bilinear" if len(self.images) > 1 else None)


@dataclass(frozen=True)
class _Candidate:
    """Files that are to be one scene."""

    name: str
    images: tuple[Path, ...]
    fields: dict[str, str]
    folder: str = ""


def find_images(asked: Sequence[str], aside: frozenset[Path], shares_labels: bool, findings: Findings) -> list[FoundScene]:
    """Find the scenes.

    Args:
        asked: See :class:`~rs_da_mm.projects.request.ProjectRequest`.
        aside: Files that are something else: labels, heights, masks.
        shares_labels: Whether the labels lie in the same folder, so that names must tell them apart.
        findings: Takes what is wrong.

    Returns:
        The scenes in the order of their names; none where there is a problem with all of them.
    """
    candidates: dict[str, _Candidate] = {}
    for text in asked:
        try:
            found = _candidates(text, aside, shares_labels)
        except DatasetError as error:
            findings.problems.append(str(error))
            continue
        for one in found:
            if one.name in candidates:
                findings.problems.append(
                    f"{one.images[0]} and {candidates[one.name].images[0]} would both be scene '{one.name}'; give patterns whose "
                    "fields tell them apart, such as 'images/{city}/{scene}.tif'."
                )
            candidates[one.name] = one
    folders = {one.folder for one in candidates.values()}
    scenes = []
    for one in sorted(candidates.values(), key=lambda one: one.name):
        try:
            facts = look_at(one.images)
        except RasterError as error:
            findings.problems.append(str(error))
            continue
        groups = {name: value for name, value in one.fields.items() if name not in ("scene", "name")}
        if one.folder and len(folders) > 1:
            groups["folder"] = one.folder
        scenes.append(FoundScene(one.name, one.images, facts, one.fields, groups))
    _require_alike(scenes, findings)
    return scenes


def look_at(files: Sequence[Path]) -> ImageFacts:
    """Read the headers of a scene's files.

    Raises:
        RasterError: When one cannot be opened, or they do not fit each other.
    """
    scene = Scene(files, resample="bilinear" if len(files) > 1 else None)
    where = scene.georeference()
    return ImageFacts(
        scene.height,
        scene.width,
        scene.count,
        str(scene.dtype),
        scene.descriptions,
        scene.nodata,
        None if where.crs is None else where.crs.to_string(),
        where.has_transform,
        pixel_metres(scene),
        ground_box(scene),
    )


def absolute(path: Path) -> Path:
    """A path from the root of the disk, without ``..``; links stay links."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve follows links, which then show in messages


def _candidates(text: str, aside: frozenset[Path], shares_labels: bool) -> list[_Candidate]:
    path = absolute(Path(text))
    if path.is_dir():
        return _of_folder(path, aside, shares_labels)
    if path.is_file():
        return [_Candidate(path.stem, (path,), {})]
    parts = [part.strip() for part in text.split(",") if part.strip()]
    first, *others = (FilePattern(absolute(Path(part)).as_posix()) for part in parts)
    found = [(fields, one) for fields, one in first.find(Path("/")) if one not in aside and not is_sidecar(one)]
    if not found:
        raise DatasetError(
            f"--images {text}: there is no such file or folder, and no image fits it as a pattern. A pattern names files with "
            "{scene} for the scene's name, * for anything and **/ for any folders: 'images/{scene}.tif'."
        )
    if not first.fields and not others and len(found) > 1:
        base = Path(os.path.commonpath([one.parent for _, one in found]))
        return _grouped([one for _, one in found], base)
    return [_Candidate(_name(fields, one), (one, *_filled(others, fields, text)), fields) for fields, one in found]


def _filled(patterns: Sequence[FilePattern], fields: dict[str, str], text: str) -> list[Path]:
    files = []
    for pattern in patterns:
        found = pattern.fill(Path("/"), fields)
        if len(found) != 1:
            raise DatasetError(
                f"--images {text}: '{pattern.spelled(fields)}' fits {len(found)} files, and one is needed to complete a scene."
            )
        files.append(found[0])
    return files


def _name(fields: dict[str, str], path: Path) -> str:
    return "/".join(fields.values()) if fields else path.stem


def _of_folder(folder: Path, aside: frozenset[Path], shares_labels: bool) -> list[_Candidate]:
    rasters = [path for path in files_in(folder) if is_raster_name(path) and path not in aside]
    if shares_labels:
        rasters = [path for path in rasters if not looks_like_label(path.relative_to(folder))]
    if not rasters:
        raise DatasetError(f"--images {folder}: there is no image in this folder or its folders.")
    return _grouped(rasters, folder)


def _grouped(paths: list[Path], base: Path) -> list[_Candidate]:
    """Make scenes of files: those of single bands of one place together, all others each for itself."""
    found = []
    for parent, members in groupby(sorted(paths), key=lambda path: path.parent):
        inside = list(members)
        folder = parent.relative_to(base).as_posix().strip(".")
        place = "/".join(part for part in folder.split("/") if key_of(part))  # without folders called images
        single = [path for path in inside if _is_single_band(path)]
        for name, family in one_band_families(single).items():
            if _share_ground(family):
                found.append(_Candidate(f"{folder}/{name}".strip("/"), tuple(family), {}, place))
                inside = [path for path in inside if path not in family]
        found += [_Candidate(path.relative_to(base).with_suffix("").as_posix(), (path,), {}, place) for path in inside]
    return found


def _is_single_band(path: Path) -> bool:
    try:
        return Scene(path).count == 1
    except RasterError:
        return False  # told when the scene is looked at


def _share_ground(files: Sequence[Path]) -> bool:
    """Whether files say where they lie, and lie on the same ground."""
    scenes = [Scene(path) for path in files]
    if not all(scene.georeference().has_transform for scene in scenes):
        return False
    coarsest = max(max(scene.res) for scene in scenes)
    corners = [scene.bounds for scene in scenes]
    return all(abs(one - other) <= _SHIFT * coarsest for edges in corners for one, other in zip(edges, corners[0], strict=True))


def _require_alike(scenes: Sequence[FoundScene], findings: Findings) -> None:
    kinds = Counter(scene.facts.kind for scene in scenes)
    if len(kinds) > 1:
        told = [
            f"{kind}: {some([str(scene.images[0]) for scene in scenes if scene.facts.kind == kind])}"
            for kind, _ in kinds.most_common()
        ]
        findings.problems.append(
            f"The images differ in bands or type ({'; '.join(told)}), and one model cannot take both. Give --images a pattern "
            "that "
            "only fits images of one kind ('images/{scene}_rgb.tif'), or convert those that differ. What is no image (heights, "
            "labels, masks) has an option of its own."
        )
        return
    named = [scene for scene in scenes if all(scene.facts.descriptions)]
    for scene in named[1:]:
        one, other = (tuple(map(str.casefold, map(str, each.facts.descriptions))) for each in (named[0], scene))
        if one != other:
            findings.problems.append(
                f"The bands of {scene.images[0]} are {', '.join(map(str, scene.facts.descriptions))}, and those of "
                f"{named[0].images[0]} {', '.join(map(str, named[0].facts.descriptions))}; bring them into one order, or leave "
                "one of the files out."
            )
            return
    placed = [scene for scene in scenes if scene.facts.is_placed]
    unplaced = [str(scene.images[0]) for scene in scenes if not scene.facts.is_placed]
    if placed and unplaced:
        findings.notes.append(
            f"{len(unplaced)} of {len(scenes)} images name no coordinate system (CRS) or no grid: {some(unplaced)}. Give them "
            "one "
            "(`rio edit-info --crs EPSG:… FILE`), and neighbouring windows can be kept in one part over all images."
        )
