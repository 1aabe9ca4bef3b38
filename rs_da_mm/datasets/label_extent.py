"""Whether labels lie where their images are."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from mmengine.logging import print_log

from rs_da_mm.datasets.area_of_interest import AreaOfInterest
from rs_da_mm.datasets.layout import spell_scenes
from rs_da_mm.datasets.scene_files import SceneFiles
from rs_da_mm.datasets.vector_labels import open_layer
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import OutsideError, Scene, check_alignment, laid_on


def labels_touch(files: SceneFiles, image: Scene) -> bool:
    """Tell whether the labels of a scene, and its area of interest, lie on its image at all.

    Args:
        files: The scene.
        image: Its image.

    Returns:
        False where the label raster lies elsewhere, or no shape of the label or area file falls onto the image.

    Raises:
        DatasetError: When a label that ought to lie on the image's grid does not.
        InputError: When a file cannot be opened, or does not tell where it lies.
    """
    return _why_apart(files, image) is None


def tell_unlabelled(scenes: Sequence[SceneFiles], labelled: Sequence[bool]) -> None:
    """Say which scenes no label touches, and refuse labels that touch none.

    Args:
        scenes: The scenes.
        labelled: Per scene, whether its labels touch it.

    Raises:
        DatasetError: When no scene is labelled; it says where the labels and the first image lie.
    """
    without = [files for files, touched in zip(scenes, labelled, strict=True) if not touched]
    if without and len(without) == len(scenes):
        why = _why_apart(without[0], without[0].image()) or "their files changed just now."
        raise DatasetError(f"The labels, or the area of interest, lie outside every image ({len(scenes)} in all): {why}")
    if without:
        names = spell_scenes([files.scene for files in without])
        text = f"{len(without)} of {len(scenes)} scenes are left out, since no label (or area of interest) touches them: {names}."
        print_log(text, "current", logging.INFO)


def _why_apart(files: SceneFiles, image: Scene) -> str | None:
    """Why the labels or the area do not lie on the image, in words; ``None`` where they do."""
    reading = files.reading
    if reading.vectors is not None:
        layer = open_layer(files.label, reading.vectors.layer, reading.vectors.where)
        apart = None if layer.shapes_on(image).shapes.size else layer.outside_message(image)
    else:
        apart = _raster_apart(files, image)
    return apart or _area_apart(reading.area, image)


def _raster_apart(files: SceneFiles, image: Scene) -> str | None:
    label = Scene(files.label)
    differences = check_alignment(image, label)
    if not differences:
        return None
    if not files.reading.warps or (image.georeference().is_empty and label.georeference().is_empty):
        raise DatasetError(
            f"{files.label} does not lie on {files.images[0]}: {'; '.join(differences)}. "
            "Put the label on the image's grid, or leave the scene out."
        )
    try:
        laid_on(label, image)
    except OutsideError as error:
        return str(error)
    return None


def _area_apart(area: AreaOfInterest | None, image: Scene) -> str | None:
    if area is None or area.path is None:
        return None
    layer = open_layer(area.path, area.layer, area.where)
    return None if layer.shapes_on(image).shapes.size else layer.outside_message(image)
