"""How windows are laid over the scenes of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from rs_da_mm.datasets.headers import SceneHeader
from rs_da_mm.datasets.layout import SceneFiles
from rs_da_mm.errors import DatasetError, InputError
from rs_da_mm.raster import Edge, Window, window_grid


@dataclass(frozen=True)
class WindowScheme:
    """Size, step and edge rule of a data set's windows.

    Attributes:
        size: Rows and columns; ``None`` takes every image whole.
        stride: Rows and columns from one window to the next; ``None`` is the size.
        edge: What happens to the rest at the edge: ``'drop'``, ``'pad'`` or ``'shift'``.
    """

    size: tuple[int, int] | None
    stride: tuple[int, int] | None = None
    edge: Edge = "drop"

    @classmethod
    def parse(cls, size: Any, stride: Any, edge: Edge) -> WindowScheme:
        """Read what a config says.

        Args:
            size: One number, two, or ``'whole'``.
            stride: One number, two, or ``None``.
            edge: ``'drop'``, ``'pad'`` or ``'shift'``.

        Raises:
            DatasetError: When one of them is something else.
        """
        if edge not in get_args(Edge):
            raise DatasetError(f"edge is {edge!r}; it can be {', '.join(map(repr, get_args(Edge)))}.")
        whole = isinstance(size, str) and size == "whole"
        if whole and stride is not None:
            raise DatasetError(f"stride is {stride!r} without a window_size; give both, or neither to take every image whole.")
        return cls(None if whole else _pair("window_size", size), None if stride is None else _pair("stride", stride), edge)

    @property
    def steps(self) -> tuple[int, int] | None:
        """The stride, or what stands in for it; ``None`` for whole images."""
        return self.stride or self.size

    def grid(self, scene: SceneFiles, header: SceneHeader) -> list[Window]:
        """The windows of a scene, row by row.

        Args:
            scene: The scene, named in the error.
            header: Its size.

        Raises:
            DatasetError: When no window of this size fits under ``edge='shift'``.
        """
        if self.size is None:
            return [Window(0, 0, header.height, header.width)]
        try:
            return window_grid(header.height, header.width, self.size, self.stride, self.edge)
        except InputError as error:
            raise DatasetError(f"{scene.images[0]}: {error}") from error

    def parameters(self) -> dict[str, Any]:
        """The form that is recorded with stored results."""
        size, steps = self.size, self.steps
        return {
            "window_size": None if size is None else list(size),
            "stride": None if steps is None else list(steps),
            "edge": self.edge,
        }


@dataclass(frozen=True)
class PlacedScene:
    """A scene and the windows that are taken from it."""

    files: SceneFiles
    header: SceneHeader
    windows: list[Window]


def _pair(name: str, value: Any) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else tuple(value) if isinstance(value, (list, tuple)) else ()
    if len(pair) != 2 or not all(isinstance(part, int) and not isinstance(part, bool) and part > 0 for part in pair):
        raise DatasetError(f"{name} is {value!r}; give a whole number of pixels, or two: rows and columns.")
    return pair[0], pair[1]
