"""How far the labels of a faster precision agree with those of float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from rs_da_mm.inference.core.plan import WindowPlan
from rs_da_mm.inference.core.protocols import DenseModel, SceneSource
from rs_da_mm.inference.maps.layers import label_scores
from rs_da_mm.raster import Window

_WINDOWS = 16
ENOUGH = 0.999
"""Share of pixels with the same label below which a precision is to be doubted."""


class Agreement(NamedTuple):
    """How far labels agree.

    Attributes:
        share: Of the pixels with data, those with the same label; 1 where no pixel was compared.
        pixels: How many were compared.
        windows: In how many windows.
    """

    share: float
    pixels: int
    windows: int


def label_agreement(
    source: SceneSource, plan: WindowPlan, one: DenseModel, other: DenseModel, threshold: float | None = None
) -> Agreement:
    """Compare the labels of two models in some windows that are spread over a scene.

    Args:
        source: The scene.
        plan: Its windows.
        one: A model.
        other: Another one, of the same classes.
        threshold: As given to :func:`~rs_da_mm.inference.maps.layers.label_scores`.

    Returns:
        How far they agree.
    """
    same = pixels = windows = 0
    for window in spread_windows(plan, _WINDOWS):
        image, valid = source.read_with_valid(window)
        if not valid.any():
            continue
        labels = [label_scores(model(image[None], valid[None])[0], threshold) for model in (one, other)]
        same += int(np.count_nonzero((labels[0] == labels[1]) & (valid != 0)))
        pixels += int(np.count_nonzero(valid))
        windows += 1
    return Agreement(same / pixels if pixels else 1.0, pixels, windows)


def spread_windows(plan: WindowPlan, count: int) -> Iterator[Window]:
    """Choose windows of a plan, evenly.

    Args:
        plan: The windows.
        count: How many; all where there are fewer.

    Yields:
        Windows in the plan's order.
    """
    total = plan.window_count
    wanted = {(2 * place + 1) * total // (2 * count) for place in range(count)}
    before = 0
    for row in plan.rows:
        for place, col in enumerate(row.columns):
            if before + place in wanted:
                yield Window(row.row, col, *row.size)
        before += len(row.columns)
