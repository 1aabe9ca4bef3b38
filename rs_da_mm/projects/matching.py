"""Which file belongs to which image: labels, heights, masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rs_da_mm.datasets.scene_patterns import FilePattern
from rs_da_mm.datasets.vector_files import is_vector_file
from rs_da_mm.errors import InputError
from rs_da_mm.projects.file_names import files_in, is_raster_name, key_of, looks_like_label
from rs_da_mm.projects.findings import Findings, some
from rs_da_mm.projects.images import FoundScene, absolute
from rs_da_mm.raster import GroundBox, Scene, ground_box

_RIM = 0.05
"""Share of an image's box that neighbours may cover, too: boxes in degrees of tiles in metres overlap a little."""


@dataclass(frozen=True)
class Companions:
    """The files of one kind that go with the images.

    Attributes:
        shared: The one file for all images, or ``None``.
        own: The file of each scene, by the scene's name, where each has its own.
        how: How they were brought together, in words.
    """

    shared: Path | None
    own: dict[str, Path]
    how: str

    @property
    def files(self) -> list[Path]:
        """All of them, each once."""
        return [self.shared] if self.shared is not None else list(dict.fromkeys(self.own.values()))

    def of(self, scene: str) -> Path | None:
        """The file of a scene."""
        return self.shared or self.own.get(scene)


def files_meant(text: str, among: Sequence[str] = ()) -> list[Path]:
    """List the files that an option can mean, before it is known which images there are.

    Args:
        text: A file, folder or pattern.
        among: Folders that hold images too, in which only names with a word for "label" count.
    """
    path = absolute(Path(text))
    if path.is_dir() and not is_vector_file(path):
        mixed = any(absolute(Path(folder)) == path for folder in among)
        return [file for file in files_in(path) if not mixed or looks_like_label(file.relative_to(path))]
    if path.exists():
        return [path]
    return [file for _, file in FilePattern(path.as_posix()).find(Path("/")) if is_raster_name(file) or is_vector_file(file)]


def match_files(
    option: str, text: str, files: Sequence[Path], scenes: Sequence[FoundScene], findings: Findings
) -> Companions | None:
    """Say which file belongs to which scene: by the pattern's fields, by names, or else by the ground that they cover.

    Args:
        option: The option, for messages: ``--labels``.
        text: What it says.
        files: See :func:`files_meant`.
        scenes: The scenes.
        findings: Takes what is wrong.

    Returns:
        The files; ``None`` where there is a problem.
    """
    if not files:
        findings.problems.append(
            f"{option} {text}: there is no such file or folder, and nothing fits it as a pattern ('labels/{{scene}}.tif')."
        )
        return None
    rasters, shapes = [path for path in files if not is_vector_file(path)], [path for path in files if is_vector_file(path)]
    if rasters and shapes:
        findings.problems.append(
            f"{option} {text}: holds rasters ({some([path.name for path in rasters])}) and vector files "
            f"({some([path.name for path in shapes])}); name those that are meant, by a pattern such as '…/*.tif'."
        )
        return None
    pattern = FilePattern(absolute(Path(text)).as_posix())
    if pattern.fields:
        return _by_fields(pattern, option, text, scenes, findings)
    if len(files) == 1:
        return Companions(files[0], {}, f"one file for all {len(scenes)} images" if len(scenes) > 1 else "one file")
    found = _by_names(files, scenes) or _by_ground(rasters, scenes)
    if found is None:
        findings.problems.append(
            f"{option} {text}: it is not clear which of its {len(files)} files ({some([path.name for path in files])}) belongs "
            "to "
            f"which image ({some([scene.name for scene in scenes])}): neither names nor places fit. Give patterns with the same "
            "field: --images 'images/{scene}.tif' " + option + " 'labels/{scene}_label.tif'."
        )
        return None
    unused = [path.name for path in files if path not in set(found.own.values())]
    if unused:
        findings.notes.append(f"{option}: {len(unused)} files belong to no image: {some(unused)}.")
    return found


def _by_fields(
    pattern: FilePattern, option: str, text: str, scenes: Sequence[FoundScene], findings: Findings
) -> Companions | None:
    own: dict[str, Path] = {}
    for scene in scenes:
        fields = {"scene": scene.name, "name": scene.images[0].stem, **scene.fields}
        try:
            found = pattern.fill(Path("/"), fields)
        except InputError as error:
            findings.problems.append(f"{option} {text}: {error}")
            return None
        if len(found) > 1:
            findings.problems.append(f"{option} {text}: fits {len(found)} files for scene '{scene.name}', and may fit one.")
            return None
        if found:
            own[scene.name] = found[0]
    return Companions(None, own, "by the fields of the patterns") if own else None


def _by_names(files: Sequence[Path], scenes: Sequence[FoundScene]) -> Companions | None:
    """By the words of their names; of names with folders, or without them where that is not enough."""
    best: dict[str, Path] = {}
    for depth in (1, 2, 3):
        of_file: dict[tuple[str, ...], list[Path]] = {}
        for path in files:
            of_file.setdefault(key_of("/".join(path.with_suffix("").parts[-depth:])), []).append(path)
        own = {}
        for scene in scenes:
            image = (*scene.images[0].parts[:-1], scene.name.rsplit("/", 1)[-1])
            found = of_file.get(key_of("/".join(image[-depth:])), [])
            if len(found) == 1:
                own[scene.name] = found[0]
        if len(own) > len(best) and len(set(own.values())) == len(own):
            best = own
    return Companions(None, best, "by their names") if best else None


def _by_ground(files: Sequence[Path], scenes: Sequence[FoundScene]) -> Companions | None:
    """Each scene's is the only one that lies on it, neighbours that share its edge aside."""
    boxes = {path: ground_box(Scene(path)) for path in files}
    own = {}
    for scene in scenes:
        shares = {path: _covered(scene.facts.box, box) for path, box in boxes.items()}
        best = max(shares, key=lambda path: shares[path], default=None)
        if best is None or shares[best] <= _RIM:
            continue
        rivals = [share for path, share in shares.items() if path != best and share > _RIM]
        if rivals and (shares[best] < 1 - _RIM or max(rivals) >= 1 - _RIM):
            return None
        own[scene.name] = best
    return Companions(None, own, "by the ground that they cover") if own else None


def _covered(image: GroundBox | None, other: GroundBox | None) -> float:
    """The share of an image's box that another one covers, 0 to 1."""
    if image is None or other is None:
        return 0.0
    sides = (
        (min(image.east, other.east) - max(image.west, other.west), image.east - image.west),
        (min(image.north, other.north) - max(image.south, other.south), image.north - image.south),
    )
    return max(0.0, sides[0][0] / sides[0][1]) * max(0.0, sides[1][0] / sides[1][1])
