"""Finding everything that is wrong with a data set's files before training does, without stopping at the first."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from rs_da_mm.datasets.base import SceneWindowDataset
from rs_da_mm.datasets.headers import SceneHeader, read_header
from rs_da_mm.datasets.label_code import LabelCode, UnknownLabel, describe_unknown
from rs_da_mm.datasets.label_sources import WarpedLabels, label_source
from rs_da_mm.datasets.layout import SceneFiles, SceneLayout
from rs_da_mm.datasets.progress_bar import track
from rs_da_mm.datasets.vector_labels import open_layer
from rs_da_mm.errors import DatasetError, InputError
from rs_da_mm.raster import Scene, Window, check_readable

_STRIP = 512
_END = 1 << 16
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Problem:
    """Something wrong with a data set.

    Attributes:
        kind: What sort of problem, in a word or two.
        scene: The scene it concerns; empty when it is none in particular.
        text: The file, what was found, and what to do.
    """

    kind: str
    scene: str
    text: str


def check_files(dataset: SceneWindowDataset) -> list[Problem]:
    """Look at every file of a data set's scenes, whole, whatever windows are taken from them.

    Args:
        dataset: The data set; it may have been made with ``lazy_init=True``.

    Returns:
        All problems: scenes without image or label, labels without image, scenes with two images or labels, files that cannot
        be read to the end, labels that do not lie on their image or have unknown colours, scenes that give no window, scenes
        unlike the others in bands or dtype, and files with the same content under two names.

    Raises:
        DatasetError: When there is no data set at all.
    """
    selection = dataset.selection()
    layout = selection.layout
    there = layout.scene_names()
    names = there if selection.scenes is None else list(selection.scenes)
    problems = [problem for scene in names if (problem := _missing(layout, scene))] + list(_ambiguous(layout, names))
    if selection.scenes is None:
        problems += [_orphan(path) for path in layout.labels_without_image()]
    broken = {problem.scene for problem in problems if problem.kind == "missing file"}
    complete = [layout.files(scene) for scene in names if scene not in broken]
    headers = []
    for files in track(complete, "Checking files"):
        found = list(check_scene(files, dataset.label_code))
        problems += found
        if not any(problem.kind in ("unreadable", "misaligned") for problem in found):
            header = read_header(files)
            headers.append((files, header))
            problems += _without_window(dataset, files, header)
    problems += _unlike(headers)
    problems += _duplicates(complete)
    return problems


def check_scene(files: SceneFiles, code: LabelCode) -> Iterator[Problem]:
    """Look at all files of one scene.

    Args:
        files: The scene.
        code: The legend of its label.

    Yields:
        Every problem: each file that cannot be read to the end, a label that does not lie on its image, all its unknown colours.
    """
    damage = {path: text for path in files.rasters if (text := _damage(path, path.stat().st_mtime_ns if path.exists() else 0))}
    yield from (Problem("unreadable", files.scene, text) for text in damage.values())
    laid_on_image = files.reading.warps or files.reading.vectors is not None
    try:
        read_header(files)
    except DatasetError as error:
        yield Problem("misaligned", files.scene, str(error))
        if laid_on_image:
            return
    except InputError as error:
        if not damage:
            yield Problem("misaligned" if laid_on_image else "unreadable", files.scene, str(error))
        if laid_on_image:
            return
    if files.label not in damage:
        yield from _label_problems(files, code)


def _label_problems(files: SceneFiles, code: LabelCode) -> Iterator[Problem]:
    """What is wrong with what the labels hold."""
    vectors = files.reading.vectors
    try:
        if vectors is not None:
            image = files.image()
            faults = open_layer(files.label, vectors.layer, vectors.where).faults(image)
            if faults:
                yield Problem("broken geometry", files.scene, f"{files.label}, on {image.name}: geometries {faults.spelled}.")
            source = label_source(files, code)  # reading finds the values that the legend does not have
            for strip in _strips(image.height, image.width):
                source.read(strip)
            return
        unknown = _unknown_labels(files, code)
    except InputError as error:
        yield Problem("mislabelled", files.scene, str(error))
    else:
        if unknown:
            yield Problem("mislabelled", files.scene, f"{files.label}: {describe_unknown(unknown)} {code.legend()}")


def _unknown_labels(files: SceneFiles, code: LabelCode) -> list[UnknownLabel]:
    if not files.reading.warps:
        return find_unknown_labels(files.label, code)
    image, source = files.image(), WarpedLabels(files, code)
    return _joined(one for strip in _strips(image.height, image.width) for one in source.find_unknown(strip))


def find_unknown_labels(path: Path, code: LabelCode) -> list[UnknownLabel]:
    """Look for colours or values in a whole label file that its legend does not have.

    Args:
        path: The file.
        code: The legend.

    Returns:
        Each of them once, with all its pixels counted, the most frequent first.

    Raises:
        RasterError: When the file cannot be read.
        DatasetError: When its form is not one that the legend knows.
    """
    label = Scene(path)
    return _joined(
        one
        for strip in _strips(label.height, label.width)
        for one in code.find_unknown(label.read(strip), str(path), colormap=label.colormap, origin=(strip.row, 0))
    )


def _strips(height: int, width: int) -> list[Window]:
    return [Window(row, 0, min(_STRIP, height - row), width) for row in range(0, height, _STRIP)]


def _joined(parts: Iterable[UnknownLabel]) -> list[UnknownLabel]:
    """Each unknown label once, with all its pixels counted, the most frequent first."""
    found: dict[object, UnknownLabel] = {}
    for one in parts:
        before = found.get(one.label)
        found[one.label] = one if before is None else before._replace(pixels=before.pixels + one.pixels)
    return sorted(found.values(), key=lambda one: (-one.pixels, one.row, one.col))


@lru_cache(maxsize=4096)
def _damage(path: Path, changed: int) -> str | None:
    """What is wrong with a file; one that many scenes share is read once."""
    try:
        check_readable(path)
    except InputError as error:
        return str(error)
    return None


def _missing(layout: SceneLayout, scene: str) -> Problem | None:
    """A scene that lacks its image, its label or its mask."""
    try:
        layout.files(scene)
    except DatasetError as error:
        return Problem("missing file", scene, f"{error} Add it, or leave the scene out (scenes=[…]).")
    return None


def _ambiguous(layout: SceneLayout, names: Sequence[str]) -> Iterator[Problem]:
    for scene in names:
        for paths in layout.candidates(scene):
            if len(paths) > 1:
                others = ", ".join(f"'{path.name}'" for path in paths[1:])
                text = f"{paths[0]} is taken for '{scene}', but there is {others} too. Move the wrong one away."
                yield Problem("two files", scene, text)


def _orphan(path: Path) -> Problem:
    return Problem("missing file", "", f"{path} is a label without an image. Add the image, or move the label away.")


def _without_window(dataset: SceneWindowDataset, files: SceneFiles, header: SceneHeader) -> Iterator[Problem]:
    try:
        if dataset.scheme.grid(files, header):
            return
        text = (
            f"{files.images[0]} gives no window: it has {header.height} x {header.width} pixels, a window {dataset.scheme.size}."
        )
        yield Problem("no window", files.scene, f"{text} Take a smaller window_size, or edge='pad'.")
    except DatasetError as error:
        yield Problem("no window", files.scene, str(error))


def _unlike(headers: Sequence[tuple[SceneFiles, SceneHeader]]) -> Iterator[Problem]:
    """Scenes whose bands or dtype are not those of most."""
    kinds = Counter((header.bands, header.dtype) for _, header in headers)
    if len(kinds) < 2:
        return
    (bands, dtype), _ = kinds.most_common(1)[0]
    for files, header in headers:
        if (header.bands, header.dtype) != (bands, dtype):
            found, usual = f"{header.bands} bands of {header.dtype}", f"{bands} of {dtype}"
            text = f"{files.images[0]} has {found}, most scenes {usual}. Convert it, or leave the scene out (scenes=[…])."
            yield Problem("other bands", files.scene, text)


def _duplicates(scenes: Sequence[SceneFiles]) -> Iterator[Problem]:
    """Images with the same content under two names, which would put one place into two parts."""
    # Few files agree in size and both ends, so that hardly any is read whole.
    alike: dict[tuple[int, bytes], list[SceneFiles]] = defaultdict(list)
    for scene in scenes:
        alike[_ends(scene.images[0])].append(scene)
    for group in alike.values():
        first: dict[bytes, Path] = {}
        for scene in group if len(group) > 1 else ():
            path = scene.images[0]
            original = first.setdefault(_digest(path), path)
            if original != path:
                yield Problem("duplicate", scene.scene, f"{path} has the same content as {original.name}. Remove one of them.")


def _ends(path: Path) -> tuple[int, bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_END)
        file.seek(max(size - _END, 0))
        return size, hashlib.blake2b(head + file.read(_END)).digest()


def _digest(path: Path) -> bytes:
    digest = hashlib.blake2b()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.digest()
