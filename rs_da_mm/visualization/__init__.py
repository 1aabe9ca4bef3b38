"""Pictures of samples and predictions, shared by ``browse``, the training hook and ``test``."""

from __future__ import annotations

from rs_da_mm.visualization.colours import choose_bands, natural_colours, paint_errors, paint_labels
from rs_da_mm.visualization.panel import draw_panel, save_panels

__all__ = ["choose_bands", "draw_panel", "natural_colours", "paint_errors", "paint_labels", "save_panels"]
