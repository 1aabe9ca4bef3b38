"""Class indices of a window, straight from a label file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.label_code import IGNORED, LabelCode
from rs_da_mm.raster import Scene, Window, clip_window, window_slices


def read_label(label: Scene, code: LabelCode, window: Window) -> NDArray[np.uint8]:
    """Read the class indices of a window.

    Args:
        label: The label file.
        code: What its colours or values mean.
        window: Where; it may reach beyond the edge.

    Returns:
        ``(H, W)`` class indices, 255 where the label says "ignored" and outside the scene.

    Raises:
        RasterError: When the window cannot be read.
        DatasetError: When a colour or value is unknown; it names it, the file, and where in the scene it is.
    """
    inside = clip_window(window, label.height, label.width)
    if not inside.height or not inside.width:
        return np.full((window.height, window.width), IGNORED, dtype=np.uint8)
    # Only what lies inside is decoded: the 0 that a reader gives outside may be no label at all.
    origin = (inside.row, inside.col)
    decoded = code.decode(label.read(inside), str(label.paths[0]), colormap=label.colormap, origin=origin)
    if inside == window:
        return decoded
    labels = np.full((window.height, window.width), IGNORED, dtype=np.uint8)
    labels[window_slices(inside, (window.row, window.col))] = decoded
    return labels
