"""What is kept of a model's scores: class numbers, and on request the scores themselves and how unsure they are."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.inference.core.class_numbers import class_numbers
from rs_da_mm.inference.core.protocols import Piece, RunCounts
from rs_da_mm.inference.maps.options import MapOptions
from rs_da_mm.inference.outputs import MapClasses, encode_scores, uncertainty
from rs_da_mm.inference.outputs.score_map import NODATA
from rs_da_mm.inference.resumable.resumable_output import ResumableOutput
from rs_da_mm.inference.resumable.working_file import Layer

LABELS, SCORES, UNCERTAINTY = "labels", "scores", "uncertainty"


def map_layers(options: MapOptions, classes: MapClasses) -> list[Layer]:
    """List the arrays of a map.

    Args:
        options: What is asked for.
        classes: The classes.

    Returns:
        The class numbers first.
    """
    layers = [Layer(LABELS, "uint8", fill=classes.nodata)]
    if options.scores is not None:
        fill = NODATA if options.scores == "uint8" else math.nan
        layers.append(Layer(SCORES, options.scores, channels=len(classes), fill=fill))
    if options.uncertainty is not None:
        layers.append(Layer(UNCERTAINTY, "uint8", fill=NODATA))
    return layers


def label_scores(scores: NDArray[np.float32], threshold: float | None = None) -> NDArray[np.uint8]:
    """Choose a class per pixel.

    Args:
        scores: ``(classes, rows, columns)``.
        threshold: Of two classes, the second is taken where its probability is above this. Without it the most probable class is.

    Returns:
        ``(rows, columns)``.
    """
    if threshold is None:
        return class_numbers(scores)
    return (scores[1] > threshold).astype(np.uint8)


class MapSink:
    """Takes finished scores and keeps of them what the map holds; a :class:`~rs_da_mm.inference.core.protocols.PieceSink`.

    Args:
        output: Where it goes.
        options: What is asked for.
        classes: The classes.
        check: Called before rows are noted as finished; what it raises ends the run.
        threshold: As given to :func:`label_scores`.
    """

    def __init__(
        self,
        output: ResumableOutput,
        options: MapOptions,
        classes: MapClasses,
        check: Callable[[], None],
        threshold: float | None = None,
    ) -> None:
        self._output = output
        self._options = options
        self._nodata = np.uint8(classes.nodata)
        self._check = check
        self._threshold = threshold

    def write(self, piece: Piece) -> None:
        """Keep a part."""
        self._output.write(piece.row, piece.col, self._arrays(piece))

    def finish_rows(self, start: int, stop: int, counts: RunCounts) -> None:
        """Note that rows are complete."""
        self._check()
        self._output.finish_rows(start, stop, counts)

    def _arrays(self, piece: Piece) -> dict[str, NDArray[Any]]:
        labels = label_scores(piece.scores, self._threshold)
        if not piece.covered.all():
            labels[~piece.covered] = self._nodata
        arrays: dict[str, NDArray[Any]] = {LABELS: labels}
        if self._options.scores is not None:
            arrays[SCORES] = encode_scores(piece.scores, piece.covered, self._options.scores)
        if self._options.uncertainty is not None:
            arrays[UNCERTAINTY] = uncertainty(piece.scores, piece.covered, self._options.uncertainty)
        return arrays
