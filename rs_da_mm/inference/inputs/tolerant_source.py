"""Scenes with blocks that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, product
from operator import itemgetter
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError, RasterError
from rs_da_mm.inference.core.protocols import SceneSource
from rs_da_mm.inference.inputs.block_grid import BlockGrid, common, overlap
from rs_da_mm.inference.inputs.source_watch import SourceWatch
from rs_da_mm.inference.inputs.unreadable import UnreadableBlocks
from rs_da_mm.raster.scene import Scene
from rs_da_mm.raster.scene_files import block_shapes, files_behind
from rs_da_mm.raster.source_view import PlacedSource, SourceView
from rs_da_mm.raster.windows import Window, clip_window, window_slices

UnreadablePolicy = Literal["raise", "skip", "nodata"]

_BLOCK = (256, 256)
_PIXELS_AT_ONCE = 1 << 22


class TolerantSource(SourceView):
    """A scene that is mapped though parts of its files cannot be read.

    What becomes of a window depends on the files alone, not on what was read before it, so that a run which is stopped and gone
    on with comes to the same: when a window cannot be read, each block that it touches is read as a whole, and the window is put
    together from those that can be. Of files in different blocks, the pieces between all of their edges count as blocks.

    A file that changed or is gone is an error whatever the policy.

    Args:
        source: The scene. Where it cannot read, it raises :class:`~rs_da_mm.errors.RasterError`. Views that change its pixels
            (another pixel size, other values) go around this class, so that this one is next to the files.
        policy: ``'raise'``: the error ends the run. ``'nodata'``: a block that cannot be read holds no data. ``'skip'``: a window
            that touches such a block is left out whole, see :meth:`left_out`.
        unreadable: Where the blocks that could not be read are kept; in memory when it is not given.
        watch: The files of the source; when it is not given, those of a :class:`Scene`, and none for another source.
        blocks: Rows and columns of the blocks, several where files differ; when it is not given, those of a :class:`Scene`, and
            256 x 256 for another source.

    Raises:
        InputError: When there is no such policy, or a file cannot be reached.
    """

    def __init__(
        self,
        source: PlacedSource,
        policy: UnreadablePolicy,
        unreadable: UnreadableBlocks | None = None,
        *,
        watch: SourceWatch | None = None,
        blocks: Sequence[tuple[int, int]] | None = None,
    ) -> None:
        if policy not in get_args(UnreadablePolicy):
            known = ", ".join(map(repr, get_args(UnreadablePolicy)))
            raise InputError(f"What to do about windows that cannot be read is {policy!r}; it can be {known}.")
        super().__init__(source)
        self.policy = policy
        self.unreadable = UnreadableBlocks() if unreadable is None else unreadable
        scene = source if isinstance(source, Scene) else None
        self._watch = watch or SourceWatch(files_behind(scene) if scene else ())
        shapes = blocks or (block_shapes(scene) if scene else (_BLOCK,))
        self._grid = BlockGrid(source.height, source.width, shapes)
        self._is_readable: dict[tuple[int, int], bool] = {}
        self._gaps: list[Window] = []

    def read_with_valid(self, window: Window) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Read what can be read.

        Args:
            window: Where; it may reach beyond the scene.

        Returns:
            ``(H, W, bands)`` and ``(H, W)``, 1 where there is data; both are 0 in blocks that cannot be read.

        Raises:
            RasterError: When it cannot be read and the policy is ``'raise'``.
            InputError: When a file changed since the start, or is gone.
        """
        self._gaps = []
        try:
            return self.source.read_with_valid(window)
        except RasterError:
            self._watch.check()
            if self.policy == "raise":
                raise
        return self._read_around(window)

    def left_out(self, window: Window) -> bool:
        """Tell whether a window is to be left out, like one that holds no data.

        Args:
            window: A window of the plan, within what was read last. (Windows overlap, and several are read at once: by their
                pixels it cannot be told that one is left out and its neighbour is not.)

        Returns:
            With the policy ``'skip'``, whether it touches a block that could not be read; with the others no.
        """
        return self.policy == "skip" and any(overlap(window, gap) for gap in self._gaps)

    def _read_around(self, window: Window) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Put a window together from the blocks that can be read."""
        inside = clip_window(window, self.height, self.width)
        rows, cols = self._grid.touched(inside)
        self._try_blocks(rows, cols)
        self._gaps = [self._block(row, col) for row, col in product(rows, cols) if not self._is_readable[row, col]]
        # Outside the scene all is 0, in the source's dtype and bands.
        pixels, valid = self.source.read_with_valid(window._replace(row=self.height, col=self.width))
        for readable in self._readable_parts(rows, cols):
            part = common(readable, inside)
            place = window_slices(part, (window.row, window.col))
            pixels[place], valid[place] = self.source.read_with_valid(part)
        return pixels, valid

    def _try_blocks(self, rows: range, cols: range) -> None:
        """Find out which blocks can be read: many at once, and where that fails, one half after the other."""
        reasons: dict[Window, str] = {}
        untried = [(rows, cols)]
        while untried:
            rows, cols = untried.pop()
            blocks = [block for block in product(rows, cols) if block not in self._is_readable]
            if not blocks:
                continue
            pixels = self._grid.pixels(rows, cols)
            is_one = len(rows) == len(cols) == 1
            if is_one or pixels.height * pixels.width <= _PIXELS_AT_ONCE:
                reason = self._reason_against(pixels)
                if reason is None or is_one:
                    self._is_readable.update(dict.fromkeys(blocks, reason is None))
                    reasons |= {} if reason is None else {pixels: reason}
                    continue
            untried += _halves(rows, cols)
        self.unreadable.add(reasons)

    def _reason_against(self, window: Window) -> str | None:
        """Why a window cannot be read; ``None`` when it can."""
        try:
            self.source.read_with_valid(window)
        except RasterError as error:
            self._watch.check()
            return str(error)
        return None

    def _readable_parts(self, rows: range, cols: range) -> Iterator[Window]:
        """The blocks that can be read, in few pieces: rows of blocks in which the same ones can go together."""
        for pattern, alike in groupby(rows, lambda row: tuple(self._is_readable[row, col] for col in cols)):
            first, *more = alike
            for is_readable, run in groupby(zip(cols, pattern, strict=True), itemgetter(1)):
                if is_readable:
                    (left, _), *others = run
                    yield self._grid.pixels(range(first, first + 1 + len(more)), range(left, left + 1 + len(others)))

    def _block(self, row: int, col: int) -> Window:
        return self._grid.pixels(range(row, row + 1), range(col, col + 1))


def is_left_out(source: SceneSource, window: Window) -> bool:
    """Ask a source, through the views around it, whether a window is to be left out.

    Args:
        source: Any source.
        window: A window of the plan, within what was read last.

    Returns:
        What :meth:`TolerantSource.left_out` says; no where there is none.
    """
    while isinstance(source, SourceView):
        if isinstance(source, TolerantSource):
            return source.left_out(window)
        window = source.source_window(window)
        source = source.source
    return False


def _halves(rows: range, cols: range) -> list[tuple[range, range]]:
    if len(rows) >= len(cols):
        middle = len(rows) // 2
        return [(rows[middle:], cols), (rows[:middle], cols)]
    middle = len(cols) // 2
    return [(rows, cols[middle:]), (rows, cols[:middle])]
