"""How much each pixel of a window counts where windows overlap: the middle in full, the rim little."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.inference.core.plan import WindowPlan
from rs_da_mm.raster.windows import Window


class Sides(NamedTuple):
    """Sides of a window that lie at the edge of the scene."""

    top: bool = False
    bottom: bool = False
    left: bool = False
    right: bool = False


_INSIDE = Sides()


def cosine_weights(
    height: int, width: int, overlap_h: int, overlap_w: int, flat: Sides = _INSIDE, margin: int = 0
) -> NDArray[np.float32]:
    """Make the weights of a window: half a period of a cosine over each overlap, 1 where windows do not overlap.

    Where exactly two windows meet, their weights sum to 1; in general scores are divided by the sum of the weights.

    Args:
        height: Rows of the window.
        width: Columns of the window.
        overlap_h: Rows that it shares with the window above, and as many with the one below.
        overlap_w: Columns that it shares with the window at its left, and as many with the one at its right.
        flat: Sides without a neighbour; the weight does not fall off towards them.
        margin: Pixels at the other sides that get no weight, of which the overlaps must hold two.

    Returns:
        ``(height, width)`` float32, above 0 and up to 1 within the margin: the product of one profile per axis.
    """
    rows = _profile(height, overlap_h, margin, (flat.top, flat.bottom))
    cols = _profile(width, overlap_w, margin, (flat.left, flat.right))
    return (rows[:, None] * cols).astype(np.float32)


class BlendingWeights:
    """The weights of each window of a plan, made once per kind of place.

    Args:
        plan: The windows.
    """

    def __init__(self, plan: WindowPlan) -> None:
        self._plan = plan
        self._weights = lru_cache(maxsize=None)(cosine_weights)  # nine kinds of place at most, per scene

    def __call__(self, window: Window) -> NDArray[np.float32]:
        """Look up the weights of a window: ``(h, w)`` float32, not to be changed."""
        bottom, right = window.row + window.height >= self._plan.height, window.col + window.width >= self._plan.width
        sides = Sides(window.row == 0, bottom, window.col == 0, right)
        return self._weights(*self._plan.size, *self._plan.overlap, sides, self._plan.margin)


def _profile(length: int, overlap: int, margin: int, flat: tuple[bool, bool]) -> NDArray[np.float64]:
    """One axis; each end falls off, from the inside out, over what the overlap leaves between two margins."""
    ramp = overlap - 2 * margin
    rise = np.ones(length)
    rise[:margin] = 0
    rise[margin : margin + ramp] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / max(ramp, 1))
    start, end = (np.ones(length) if is_flat else rise for is_flat in flat)
    return start * end[::-1]
