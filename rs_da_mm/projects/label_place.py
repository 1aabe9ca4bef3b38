"""Whether labels lie on their images, before anything is cut into windows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_da_mm.datasets.vector_files import is_vector_file
from rs_da_mm.errors import InputError
from rs_da_mm.projects.findings import some
from rs_da_mm.projects.images import FoundScene
from rs_da_mm.projects.matching import Companions
from rs_da_mm.raster import Scene, check_alignment
from rs_da_mm.raster.same_ground import Extent, outside_message
from rs_da_mm.raster.vectors import VectorLayer


def place_problems(
    scenes: Sequence[FoundScene], labels: Companions, layer: str | None = None, where: str | None = None
) -> list[str]:
    """Say why labels cannot be laid on their images.

    Args:
        scenes: The images, all with a label.
        labels: Their labels.
        layer: The layer of vector files.
        where: A condition in SQL on their attributes.

    Returns:
        What stands in the way; nothing where all is well, or a file cannot be opened, which is told elsewhere.
    """
    try:
        if is_vector_file(labels.files[0]):
            return _of_shapes(scenes, labels, layer, where)
        return _of_rasters(scenes, labels)
    except InputError:
        return []


def _of_shapes(scenes: Sequence[FoundScene], labels: Companions, layer: str | None, where: str | None) -> list[str]:
    unplaced = [str(scene.images[0]) for scene in scenes if not scene.facts.is_placed]
    if unplaced:
        return [
            f"{len(unplaced)} of {len(scenes)} images name no coordinate system (CRS) or no grid, so nothing tells where "
            "shapes lie "
            f"on them: {some(unplaced)}. Give them one (`rio edit-info --crs EPSG:… FILE`)."
        ]
    opened: dict[Path, VectorLayer] = {path: VectorLayer(path, layer, where) for path in labels.files}
    if any(source.crs is None for source in opened.values()):
        return []
    pairs = [(opened[file], scene) for scene in scenes if (file := labels.of(scene.name)) is not None]
    if any(source.touches(scene.open()) for source, scene in pairs):
        return []
    return [f"The labels lie outside every image ({len(scenes)} in all): {pairs[0][0].outside_message(pairs[0][1].open())}"]


def _of_rasters(scenes: Sequence[FoundScene], labels: Companions) -> list[str]:
    opened = {path: Scene(path) for path in labels.files}
    apart: list[str] = []
    unclear: list[str] = []
    touching = 0
    for scene in scenes:
        image, label = scene.open(), opened[labels.of(scene.name) or labels.files[0]]
        differences = check_alignment(image, label)
        if not differences:
            touching += 1
            continue
        if image.crs is None or label.crs is None:
            unclear.append(f"{label.name} on {image.name}: {'; '.join(differences)}")
            continue
        here, there = Extent.of(label).box, Extent.of(image).box
        if here is None or there is None or here.touches(there):
            touching += 1
        else:
            apart.append(outside_message(Extent.of(label), Extent.of(image)))
    problems = []
    if unclear:
        problems.append(
            f"{len(unclear)} of {len(scenes)} labels do not lie on the grid of their image, and one of the two names no "
            "coordinate "
            f"system (CRS), so their place cannot be told ({some(unclear, 2)}). Give both a CRS (`rio edit-info --crs EPSG:… "
            "FILE`), or "
            "make labels of the image's size."
        )
    if apart and not touching:
        problems.append(f"The labels lie outside every image ({len(scenes)} in all): {apart[0]}")
    return problems
