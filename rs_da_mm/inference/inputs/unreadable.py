"""The blocks of a scene that could not be read, over all runs that made its map."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from rs_da_mm.inference.core.plan import WindowPlan
from rs_da_mm.inference.inputs.block_grid import overlap
from rs_da_mm.inference.resumable.raw_file import RawFile
from rs_da_mm.raster.windows import Window


class UnreadableBlocks:
    """A set of blocks that only grows, each with the reason.

    Args:
        path: A file that keeps them for a run that goes on from here: what was added is on the disk before :meth:`add` returns,
            and so before anything that was made of it. Made when it is needed. Without it they are kept in memory.

    Raises:
        InputError: When the file cannot be read.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._reasons: dict[Window, str] = {}
        self._end = 0
        if path is not None and path.is_file():
            self._load(path)

    def __len__(self) -> int:
        return len(self._reasons)

    @property
    def pixels(self) -> int:
        """Pixels of these blocks."""
        return sum(block.height * block.width for block in self._reasons)

    @property
    def areas(self) -> list[Window]:
        """The blocks, those that adjoin put together to rectangles; from the top, and from the left."""
        rows = _joined(sorted(self._reasons, key=lambda area: (area.row, area.height, area.col)))
        return sorted(_joined(sorted(rows, key=lambda area: (area.col, area.width, area.row))))

    def add(self, reasons: Mapping[Window, str]) -> None:
        """Add blocks; those that are known stay as they are.

        Args:
            reasons: Why each cannot be read. Blocks do not overlap.

        Raises:
            InputError: When the disk refuses.
        """
        new = {block: reason for block, reason in reasons.items() if block not in self._reasons}
        if new and self._path is not None:
            lines = "".join(json.dumps({"block": block, "reason": reason}) + "\n" for block, reason in new.items()).encode()
            with closing(RawFile(self._path)) as file:
                file.resize(self._end)  # an earlier run may have died within a line
                file.write_at(self._end, lines)
                file.sync()
            self._end += len(lines)
        self._reasons.update(new)

    def windows_touched(self, plan: WindowPlan) -> int:
        """Count the windows of a plan that reach into these blocks."""
        areas = self.areas
        touched = 0
        for row in plan.rows:
            near = [area for area in areas if area.row < row.row + row.size[0] and area.row + area.height > row.row]
            if near:
                touched += sum(any(overlap(window, area) for area in near) for window in row.windows)
        return touched

    def report(self) -> dict[str, Any]:
        """Put what a record says of them: how many blocks and pixels, where, and why the first one cannot be read.

        It is the same however often the map was stopped and gone on with.
        """
        first = min(self._reasons, default=None)
        return {
            "blocks": len(self),
            "pixels": self.pixels,
            "areas": [area._asdict() for area in self.areas],
            "reason": None if first is None else self._reasons[first],
        }

    def _load(self, path: Path) -> None:
        with closing(RawFile(path)) as file:
            content = bytearray(file.size)
            file.read_at(0, memoryview(content))
        for line in bytes(content).split(b"\n")[:-1]:
            try:
                entry = json.loads(line)
                self._reasons[Window(*map(int, entry["block"]))] = str(entry["reason"])
            except (KeyError, TypeError, ValueError):
                return  # torn; what follows is found again
            self._end += len(line) + 1


def _joined(areas: Iterable[Window]) -> list[Window]:
    """Put together those that follow each other and make a rectangle."""
    joined: list[Window] = []
    for area in areas:
        last = joined[-1] if joined else area
        if (area.row, area.height, area.col) == (last.row, last.height, last.col + last.width):
            joined[-1] = last._replace(width=last.width + area.width)
        elif (area.col, area.width, area.row) == (last.col, last.width, last.row + last.height):
            joined[-1] = last._replace(height=last.height + area.height)
        else:
            joined.append(area)
    return joined
