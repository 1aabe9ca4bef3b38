"""How far a map is, where somebody is looking."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]

from rs_da_mm.inference.core.pipeline import RowProgress


class MapProgress:
    """A bar on the error stream, if that is a terminal; a context manager.

    Args:
        name: What is mapped.
        windows: How many windows there are to compute.
    """

    def __init__(self, name: str, windows: int) -> None:
        self._bar: Any = None  # even one that shows nothing would leave a thread behind
        if sys.stderr.isatty():
            self._bar = tqdm(total=windows, desc=name, unit=" windows", leave=False, dynamic_ncols=True)

    def __enter__(self) -> MapProgress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: RowProgress) -> None:
        """Show that a row of windows is finished."""
        if self._bar is not None:
            self._bar.update(progress.counts.computed + progress.counts.empty - self._bar.n)
