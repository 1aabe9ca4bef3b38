"""Where labels count: a box, or the shapes of a vector file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.vector_labels import open_layer
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Scene, Window, clip_window, window_slices
from rs_da_mm.raster.vectors import inside


@dataclass(frozen=True)
class AreaOfInterest:
    """A part of the ground.

    Attributes:
        box: West, south, east and north in the images' coordinate system; ``None`` when shapes are the area.
        path: A vector file whose shapes are the area.
        layer: Its layer, where it has several.
        where: A condition in SQL on the attributes of its shapes.
    """

    box: tuple[float, float, float, float] | None = None
    path: Path | None = None
    layer: str | None = None
    where: str | None = None

    @classmethod
    def parse(cls, config: Any, root: Path) -> AreaOfInterest | None:
        """Read ``area_of_interest``.

        Args:
            config: Four numbers, the name of a vector file, or ``dict(path=…, layer=…, where=…)``; ``None`` for no area.
            root: The folder that names are counted from.

        Raises:
            DatasetError: When it is none of these.
        """
        if config is None:
            return None
        if isinstance(config, (str, Path)):
            return cls(path=root / config)
        if isinstance(config, Mapping) and set(config) <= {"path", "layer", "where"} and config.get("path"):
            return cls(path=root / config["path"], layer=config.get("layer"), where=config.get("where"))
        if isinstance(config, Sequence) and len(config) == 4 and all(isinstance(one, (int, float)) for one in config):
            west, south, east, north = map(float, config)
            if west < east and south < north:
                return cls(box=(west, south, east, north))
        raise DatasetError(
            f"area_of_interest is {config!r}; give (west, south, east, north) in the images' coordinate system, a vector file, "
            "or dict(path=…, layer=…, where=…)."
        )

    def parameters(self) -> dict[str, Any]:
        """The form that is recorded with stored results."""
        return {
            "box": None if self.box is None else list(self.box),
            "path": None if self.path is None else self.path.name,
            "layer": self.layer,
            "where": self.where,
        }

    def inside(self, grid: Scene, window: Window) -> NDArray[np.bool_]:
        """Find the pixels of a window that lie in the area.

        Args:
            grid: The image.
            window: Where; it may reach beyond the image's edge.

        Returns:
            ``(H, W)``, true where a pixel's centre lies in the area and in the image.

        Raises:
            InputError: When the image names no place on the ground, or the vector file cannot be read.
        """
        found = np.zeros((window.height, window.width), np.bool_)
        part = clip_window(window, grid.height, grid.width)
        if part.height and part.width:
            found[window_slices(part, (window.row, window.col))] = self._inside(grid, part)
        return found

    def _inside(self, grid: Scene, window: Window) -> NDArray[np.bool_]:
        if self.box is None:
            assert self.path is not None
            return inside(open_layer(self.path, self.layer, self.where), grid, window) != 0
        where = grid.georeference()
        if not where.has_transform:
            raise DatasetError(
                f"{grid.name} has no place on the ground (no grid), so nothing tells which of its pixels lie in area_of_interest="
                f"{self.box}. Leave the area out, or give the image its georeference."
            )
        return _in_box(where.transform, window, self.box)


def _in_box(t: Any, window: Window, box: tuple[float, float, float, float]) -> NDArray[np.bool_]:
    """Whether the centre of each pixel lies in a box."""
    west, south, east, north = box
    cols = window.col + np.arange(window.width) + 0.5
    rows = (window.row + np.arange(window.height) + 0.5)[:, None]
    x, y = t.a * cols + t.c, t.e * rows + t.f
    if t.b or t.d:  # a turned grid; otherwise rows and columns are asked one by one
        x, y = x + t.b * rows, y + t.d * cols
    return (x >= west) & (x < east) & (y >= south) & (y < north)
