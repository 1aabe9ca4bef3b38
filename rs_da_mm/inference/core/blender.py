"""Scores of windows in, finished parts of the scene out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.band import RollingBand
from rs_da_mm.inference.core.batches import Batch
from rs_da_mm.inference.core.blending import BlendingWeights
from rs_da_mm.inference.core.plan import WindowPlan
from rs_da_mm.inference.core.protocols import Piece, PieceSink, RunCounts, SceneSource
from rs_da_mm.raster.windows import Window, clip_window


class Blender:
    """Blends scores, row of windows by row of windows, and hands on what is finished.

    Args:
        plan: The windows.
        sink: Takes finished parts.
        start_row: Rows of the scene that are done already; a number that the sink was told by ``finish_rows``.

    Attributes:
        first_index: Number of the first row of windows that is needed.
        counts: Windows of the rows of windows that are finished.
    """

    def __init__(self, plan: WindowPlan, sink: PieceSink, start_row: int = 0) -> None:
        self._plan = plan
        self._sink = sink
        self._finished = start_row
        self._weights = BlendingWeights(plan)
        self._band: RollingBand | None = None
        self.first_index = plan.first_row_needed(start_row)
        self.counts = RunCounts()
        self._of_band = RunCounts()
        self._in_row = 0

    def add(self, batch: Batch, scores: NDArray[np.float32]) -> None:
        """Add the scores of a batch.

        Args:
            batch: The batch; batches come in the order of the plan.
            scores: ``(N, channels, h, w)``, for each of its images.

        Raises:
            InputError: When the scores have another shape.
        """
        images, *size = batch.valid.shape
        if scores.ndim != 4 or scores.shape[0] != images or list(scores.shape[2:]) != size:
            expected = f"({images}, channels, {size[0]}, {size[1]})"
            raise InputError(f"The model gave scores of shape {scores.shape}; {expected} is needed. Check what it returns.")
        for window, valid, window_scores in zip(batch.windows, batch.valid, scores, strict=False):
            self._add_window(window, window_scores, self._weights(window) * valid)
        self._in_row += len(batch.windows)

    def finish(self, index: int) -> None:
        """Hand on what is finished when all batches of a row of windows are in.

        Args:
            index: Number of the row of windows in the plan.

        Raises:
            InputError: When scores are not finite.
        """
        start, stop = self._plan.finished_rows(index)
        self._count_row(index, is_needed=stop > self._finished)
        wrote = False
        for piece in self._band.pop(stop) if self._band else ():
            if start >= self._finished:
                _require_numbers(piece)
                self._sink.write(piece)
                wrote = True
        # Rows without data are told together with those below them: an empty scene has one band.
        if stop > self._finished and (wrote or index == len(self._plan.rows) - 1):
            self._sink.finish_rows(self._finished, stop, self._of_band)
            self._finished, self._of_band = stop, RunCounts()

    def _count_row(self, index: int, is_needed: bool) -> None:
        """Count the windows of a row: for the run, and where its rows of the scene are not done already, for their band."""
        empty = len(self._plan.rows[index].columns) - self._in_row
        for counts in (self.counts, self._of_band) if is_needed else (self.counts,):
            counts.computed += self._in_row
            counts.empty += empty
        self._in_row = 0

    def _add_window(self, window: Window, scores: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
        if self._band is None:
            self._band = RollingBand(scores.shape[0], self._plan.size[0], window.row, self._plan.columns)
        inside = clip_window(window, self._plan.height, self._plan.width)
        part = slice(inside.height), slice(inside.width)  # a window that reaches beyond begins at the scene's first pixel
        self._band.add(inside, np.asarray(scores[:, part[0], part[1]], np.float32), weights[part])


def _require_numbers(piece: Piece) -> None:
    if not np.isfinite(piece.scores).all():
        rows, cols = piece.covered.shape
        raise InputError(
            f"The model gave scores that are no numbers, in {Window(piece.row, piece.col, rows, cols).spelled}. "
            "Check its weights, and whether the scene's values are in the range that it was trained on."
        )


def require_same_size(source: SceneSource, plan: WindowPlan) -> None:
    """Refuse a plan for a scene of another size.

    Raises:
        InputError: When it is one; it names both sizes.
    """
    if (source.height, source.width) != (plan.height, plan.width):
        found = f"{source.height} x {source.width}"
        raise InputError(f"The windows are planned for {plan.height} x {plan.width} pixels, and the scene has {found}.")
