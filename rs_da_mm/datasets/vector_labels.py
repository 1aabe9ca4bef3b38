"""Shapes as labels: which of them count, and how they are drawn onto an image's grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from rs_da_mm.datasets.class_codes import class_index
from rs_da_mm.datasets.label_code import IGNORED, LabelCode
from rs_da_mm.datasets.vector_files import files_of_vectors
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Scene
from rs_da_mm.raster.vectors import BurntLayer, VectorLayer


@dataclass(frozen=True)
class VectorChoice:
    """Which shapes of a vector file are labels, and how they are drawn.

    Attributes:
        layer: The layer, in a file that has several.
        field: The attribute that tells a shape's class; ``None`` when all shapes are of one class.
        where: A condition in SQL on the attributes: only shapes that meet it count.
        line_width: Width of lines in metres on the ground.
        point_radius: Radius of points in metres on the ground.
        all_touched: Whether a shape takes every pixel that it touches, and not only those whose centre it covers.
        shape_class: Class of all shapes, where there is no ``field``.
        background: Class of the pixels that no shape covers; 255 when they are not labelled.
    """

    layer: str | None = None
    field: str | None = None
    where: str | None = None
    line_width: float | None = None
    point_radius: float | None = None
    all_touched: bool = False
    shape_class: int = 0
    background: int = IGNORED

    @classmethod
    def parse(cls, config: Mapping[str, Any], classes: Sequence[str]) -> VectorChoice:
        """Read ``labels=dict(layer=…, field=…, …)``; see the attributes. What else it holds is not looked at.

        Args:
            config: What the config says; ``shape_class`` and ``background`` by name or index.
            classes: Names of the classes.

        Raises:
            DatasetError: When a class does not exist, or nothing tells the class of a shape.
        """
        shape_class, background = config.get("shape_class"), config.get("background", IGNORED)
        chosen = cls(
            config.get("layer"),
            config.get("field"),
            config.get("where"),
            _metres("line_width", config.get("line_width")),
            _metres("point_radius", config.get("point_radius")),
            bool(config.get("all_touched", False)),
            0 if shape_class is None else class_index(shape_class, classes, "labels: shape_class"),
            class_index(background, classes, "labels: background"),
        )
        if chosen.field is not None and shape_class is not None:
            raise DatasetError(
                "labels: give field=…, which tells each shape's class, or shape_class=…, the class of all; not both."
            )
        if chosen.field is None and shape_class is None:
            left = [index for index in range(len(classes)) if index != chosen.background]
            if len(left) != 1:
                raise DatasetError(
                    f"Nothing tells which of the classes {list(classes)} a shape of the labels is of. Give labels=dict(path=…, "
                    "field='…') the attribute that tells it, or shape_class='…' when all are of one class."
                )
            return replace(chosen, shape_class=left[0])
        return chosen


def open_layer(path: Path, layer: str | None, where: str | None) -> VectorLayer:
    """Open a layer of a vector file, once per process for all scenes that lie on it.

    Args:
        path: The file.
        layer: The layer, in a file that has several.
        where: A condition in SQL.

    Returns:
        The layer.

    Raises:
        InputError: When it is not there or cannot be read.
    """
    if not path.exists():
        raise DatasetError(f"{path} does not exist; a vector file with the labels, or the area of interest, was expected there.")
    states = [file.stat() for file in files_of_vectors(path)]
    return _open(path, layer, where, tuple((state.st_size, state.st_mtime_ns) for state in states))


@lru_cache(maxsize=256)
def _open(path: Path, layer: str | None, where: str | None, stamps: tuple[tuple[int, int], ...]) -> VectorLayer:
    return VectorLayer(path, layer, where)


def burn(path: Path, choice: VectorChoice, grid: Scene, code: LabelCode) -> BurntLayer:
    """Draw the shapes of a file onto an image's grid, window by window.

    Args:
        path: The file.
        choice: Which shapes, and how.
        grid: The image.
        code: The class of each value of ``choice.field``.

    Returns:
        Class indices by window.

    Raises:
        InputError: When the layer or field does not exist, or the file names no coordinate system.
    """
    layer = open_layer(path, choice.layer, choice.where)
    codes: Mapping[Any, int] = {"any": choice.shape_class}
    if choice.field is not None:
        layer.require_field(choice.field)
        codes = attribute_codes(layer, choice.field, code)
    return BurntLayer(
        layer,
        grid,
        choice.field,
        codes,
        line_width=choice.line_width,
        point_radius=choice.point_radius,
        all_touched=choice.all_touched,
        fill=choice.background,
    )


def attribute_codes(layer: VectorLayer, field: str, code: LabelCode) -> dict[Any, int]:
    """Give the class of every value of an attribute.

    Args:
        layer: The layer.
        field: The attribute.
        code: The legend. Where it ignores what it does not name, the layer is asked for its values.

    Returns:
        Class index of each value.
    """
    known: dict[Any, int] = {**code.values, **code.names}
    if not code.ignores_others:
        return known
    return {**dict.fromkeys(layer.values(field), IGNORED), **known}


def _metres(what: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise DatasetError(f"labels: {what} is {value!r}; give metres on the ground, above 0.")
    return float(value)
