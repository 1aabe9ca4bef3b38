"""What is asked of a new project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ProjectRequest:
    """The options of ``tools/new_project.py``; what is ``None`` is found out.

    Attributes:
        images: Where the images are: folders, files, or patterns such as ``images/{city}/{scene}.tif``. Several files of
            one scene are joined by commas.
        labels: A raster or vector file for all images, a folder with one file per image, or a pattern.
        out: The project's folder, which does not exist yet.
        classes: See :func:`~rs_da_mm.projects.classes.choose_classes`.
        field: The attribute that tells the class of a shape.
        layer: The layer of a vector file that has several.
        where: A condition in SQL on the attributes of shapes.
        background: The class of the pixels that no shape covers; without it, they are not labelled.
        heights: A raster for all images, a folder, or a pattern.
        masks: ``KIND=PATH``, see :func:`~rs_da_mm.projects.options.read_mask`.
        area: A vector file, or ``WEST,SOUTH,EAST,NORTH``, outside of which nothing counts.
        bands: Bands by number or name, all when there are none.
        scale: ``file``, ``sentinel2``, …, a number or one per band.
        offset: A number or one per band.
        model: See :func:`~rs_da_mm.models.segmentor_settings.segmentor_settings`.
        weights: A file with weights to begin with.
        window: Side of a window in pixels.
        batch_size: Windows per training step.
        epochs: Epochs to train.
        iterations: Training steps, in place of ``epochs``.
        split: ``ground``, ``scene``, ``group:NAME`` or ``random``.
        gap: Metres between windows of different parts.
        line_width: Width of lines in metres.
        point_radius: Radius of points in metres.
        estimate: Whether memory and time are measured.
        seed: Of the split and of the training.
        overwrite: Whether a project that is there is replaced.
    """

    images: tuple[str, ...]
    labels: str
    out: Path
    classes: str | None = None
    field: str | None = None
    layer: str | None = None
    where: str | None = None
    background: str | None = None
    heights: str | None = None
    masks: tuple[str, ...] = ()
    area: str | None = None
    bands: tuple[int | str, ...] = ()
    scale: str | None = None
    offset: str | None = None
    model: str = "macunet"
    weights: str | None = None
    window: int | None = None
    batch_size: int | None = None
    epochs: int | None = None
    iterations: int | None = None
    split: str | None = None
    gap: float | None = None
    line_width: float | None = None
    point_radius: float | None = None
    estimate: bool = True
    seed: int = 0
    overwrite: bool = False
