"""An output that grows from the top, and goes on where it was when its run is stopped at any moment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from rs_da_mm.inference.core.protocols import RunCounts
from rs_da_mm.inference.resumable.journal import Band, Journal
from rs_da_mm.inference.resumable.output_lock import OutputLock
from rs_da_mm.inference.resumable.working_file import Layer, WorkingFile
from rs_da_mm.raster.windows import Window

_JOURNAL = "journal.jsonl"


class ResumableOutput:
    """A folder with working files, a journal of their finished rows, and a lock; a context manager.

    On entry, what the journal says is finished is read and compared with its digests: from the first band that is damaged on, all
    is computed again. On exit the folder stays, to go on from; :meth:`remove` takes it away.

    Args:
        folder: The folder, beside the output; one for each. Made when it is missing.
        identity: All that the output depends on, as JSON can hold it; the layers and the size are added.
        layers: The arrays.
        height: Rows.
        width: Columns.
        replace: Whether what is unfinished of a run with another identity gives way to this one.
    """

    def __init__(
        self,
        folder: Path,
        identity: Mapping[str, Any],
        layers: Sequence[Layer],
        height: int,
        width: int,
        *,
        replace: bool = False,
    ) -> None:
        self.folder = folder
        self._replace = replace
        self._layers = tuple(layers)
        self._size = (height, width)
        described = {layer.name: asdict(layer) for layer in layers}
        self._identity = {**identity, "layers": described, "height": height, "width": width}
        self._lock = OutputLock(folder)
        self._closing = ExitStack()
        self._places: list[Window] = []
        self._digest = hashlib.sha256()

    def __enter__(self) -> ResumableOutput:
        """Take the lock, and find out what is finished.

        Raises:
            InputError: When another run has the folder, or it holds the output of a run with another identity, which is not to be
                replaced.
        """
        self._lock.acquire()
        with ExitStack() as stack:
            stack.callback(self._lock.release)
            self._journal = stack.enter_context(closing(Journal(self.folder / _JOURNAL, self._identity, self._replace)))
            self._files = {
                layer.name: stack.enter_context(closing(WorkingFile(self.folder / f"{layer.name}.rows", layer, *self._size)))
                for layer in self._layers
            }
            bands = self._journal.bands
            damaged = (number for number, band in enumerate(bands) if not self._is_intact(band))
            self._journal.cut(next(damaged, len(bands)))
            for file in self._files.values():
                file.keep(self.start_row)
            self._closing = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @property
    def start_row(self) -> int:
        """The row to go on from: the first that is not finished."""
        return self._journal.done_rows

    @property
    def bands(self) -> tuple[Band, ...]:
        """Finished rows, from the top, and what of them was written."""
        return self._journal.bands

    def write(self, row: int, col: int, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write a part of the rows that come next.

        Args:
            row: Its first row.
            col: Its first column.
            arrays: For every layer ``(rows, columns)`` or ``(channels, rows, columns)``.
        """
        height, width = arrays[self._layers[0].name].shape[-2:]
        place = Window(row, col, height, width)
        for layer in self._layers:
            self._digest.update(_stored_key(layer, place))
            self._digest.update(self._files[layer.name].write(row, col, arrays[layer.name]).data)
        self._places.append(place)

    def finish_rows(self, start: int, stop: int, counts: RunCounts | None = None) -> None:
        """Note that rows ``[start, stop)`` are complete; on the disk, with their note, when this returns.

        Args:
            start: The first row.
            stop: The row past the last.
            counts: Windows that they were waiting for, kept as the band's notes.
        """
        if self._places:
            for file in self._files.values():
                file.sync()
        self._journal.append(Band(start, stop, tuple(self._places), self._digest.hexdigest(), asdict(counts) if counts else {}))
        self._places, self._digest = [], hashlib.sha256()

    def read(self, name: str, window: Window) -> NDArray[Any]:
        """Read a part of a layer: ``([channels,] rows, columns)``, its fill value where nothing was written."""
        return self._files[name].read(window)

    def remove(self) -> None:
        """Take the folder away; the lock goes last."""
        self._journal.close()
        for file in self._files.values():
            file.close()
        self._lock.remove_folder()

    def _is_intact(self, band: Band) -> bool:
        digest = hashlib.sha256()
        for place in band.places:
            for layer in self._layers:
                stored = self._files[layer.name].read_stored(place)
                if stored is None:
                    return False
                digest.update(_stored_key(layer, place))
                digest.update(stored.data)
        return digest.hexdigest() == band.sha256


def unfinished_identity(folder: Path) -> Mapping[str, Any] | None:
    """Tell what the unfinished output in a folder depends on, as the :class:`ResumableOutput` was told that began it.

    Args:
        folder: The folder.

    Returns:
        That, with layers and size; ``None`` where there is nothing to go on from.
    """
    try:
        with (folder / _JOURNAL).open(encoding="utf-8") as file:
            identity = json.loads(file.readline())["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return identity if isinstance(identity, dict) else None


def _stored_key(layer: Layer, place: Window) -> bytes:
    return f"{layer.name}:{tuple(place)};".encode()
