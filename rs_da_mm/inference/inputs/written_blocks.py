"""Where a scene holds data, without reading it."""

from __future__ import annotations

from rs_da_mm.inference.core.data_map import DataMap
from rs_da_mm.inference.core.plan import HasData
from rs_da_mm.inference.core.protocols import SceneSource
from rs_da_mm.raster.coverage import block_coverage
from rs_da_mm.raster.scene import Scene
from rs_da_mm.raster.source_view import SourceView
from rs_da_mm.raster.windows import Window


def data_map(source: SceneSource) -> HasData | None:
    """Find out which parts of a scene can hold data, from the blocks that its GeoTIFFs leave out and the gaps
    between the sources of a VRT.

    Args:
        source: The scene, or views around it.

    Returns:
        What tells :func:`~rs_da_mm.inference.core.plan.plan_windows` whether any pixel of a window can hold data: where it says
        no, reading gives no valid pixel. ``None`` where nothing is known, see :func:`~rs_da_mm.raster.coverage.block_coverage`,
        and for a source that is no :class:`Scene`.

    Raises:
        RasterError: When a file cannot be opened.
    """
    views = []
    while isinstance(source, SourceView):
        views.append(source)
        source = source.source
    coverage = block_coverage(source) if isinstance(source, Scene) else None
    if coverage is None:
        return None
    written = DataMap(coverage.cells, coverage.cell)

    def has_data(window: Window) -> bool:
        for view in views:
            window = view.source_window(window)
        return written(window)

    return has_data if views else written
