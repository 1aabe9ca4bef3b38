"""What scene-sized mapping asks of a reader, a model and a writer; anything that answers to it will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster.windows import Window

DenseModel = Callable[[NDArray[Any], NDArray[np.uint8]], NDArray[np.float32]]
"""Pixels ``(N, h, w, bands)`` in the source's dtype and valid pixels ``(N, h, w)`` to scores ``(N, channels, h, w)``.

The scores of an image must not depend on the others of its batch. Each call returns an array of its own: the last one is still
in use while the next is computed.
"""


class SceneSource(Protocol):
    """Where pixels come from; :class:`rs_da_mm.raster.Scene` is one."""

    @property
    def height(self) -> int:
        """Rows."""

    @property
    def width(self) -> int:
        """Columns."""

    def read_with_valid(self, window: Window) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Read ``(H, W, bands)`` and ``(H, W)``, 1 where there is data; a window may reach beyond the scene, where both are 0."""


class Piece(NamedTuple):
    """A finished part of the scene.

    Attributes:
        row: Its first row in the scene.
        col: Its first column in the scene.
        scores: ``(channels, rows, columns)`` float32, 0 where not covered.
        covered: ``(rows, columns)`` bool, where the scene holds data.
    """

    row: int
    col: int
    scores: NDArray[np.float32]
    covered: NDArray[np.bool_]


@dataclass
class RunCounts:
    """What was done with windows.

    Attributes:
        computed: Windows that went through the model.
        empty: Windows of the plan that turned out to hold no data when they were read, or were left out then.
    """

    computed: int = 0
    empty: int = 0


class PieceSink(Protocol):
    """Where finished parts go."""

    def write(self, piece: Piece) -> None:
        """Take a part; its arrays are the sink's to keep. Parts do not overlap; what no part holds, has no data."""

    def finish_rows(self, start: int, stop: int, counts: RunCounts) -> None:
        """Take note that rows ``[start, stop)`` are complete; they follow on from those before.

        ``counts`` is of the windows that these rows were waiting for; over all calls, and over all runs that went on from each
        other, each window of the plan counts once.
        """
