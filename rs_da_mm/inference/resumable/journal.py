"""What of an output is finished, noted so that a run that was stopped at any moment can go on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from rs_da_mm.errors import InputError
from rs_da_mm.inference.resumable.identity import differences
from rs_da_mm.inference.resumable.raw_file import RawFile
from rs_da_mm.raster.windows import Window

_FORMAT = 1


class Band(NamedTuple):
    """Rows of the output that are finished.

    Attributes:
        start: The first row.
        stop: The row past the last.
        places: What of them was written, in order; the rest holds no data.
        sha256: Digest of what was written.
        notes: What there is to say of how the rows came about, such as windows that were computed, as JSON can hold it.
    """

    start: int
    stop: int
    places: tuple[Window, ...]
    sha256: str
    notes: Mapping[str, Any] = MappingProxyType({})


class Journal:
    """A list of finished bands that only grows: one JSON object per line, the first of which says what the output depends on.

    A line that was not written to its end is cut off, with all that follows it. A journal without a whole first line begins anew.

    Args:
        path: The file; made when it is missing. One process at a time.
        identity: All that the output depends on (source, model, windows, options), as JSON can hold it.
        replace: Whether a journal of a run with another identity is begun anew.

    Raises:
        InputError: When the journal is of a run with another identity (the message names what differs) and is not to be replaced,
            or cannot be written.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], replace: bool = False) -> None:
        self._file = RawFile(path)
        self._replace = replace
        self._bands: list[Band] = []
        self._ends: list[int] = []  # of the lines, in bytes
        try:
            self._read(identity)
        except BaseException:
            self.close()
            raise

    @property
    def bands(self) -> tuple[Band, ...]:
        """Finished bands, from the first row, without gaps."""
        return tuple(self._bands)

    @property
    def done_rows(self) -> int:
        """Rows that are finished, from the top."""
        return self._bands[-1].stop if self._bands else 0

    def append(self, band: Band) -> None:
        """Note a band, on the disk before this returns.

        Args:
            band: Rows that follow on from :attr:`done_rows`, already on the disk themselves.

        Raises:
            ValueError: When they do not follow on.
            InputError: When the disk refuses.
        """
        if not self.done_rows == band.start < band.stop:
            raise ValueError(f"rows {band.start}..{band.stop - 1} do not follow on from {self.done_rows} finished rows")
        entry = {"rows": [band.start, band.stop], "places": band.places, "sha256": band.sha256, "notes": dict(band.notes)}
        self._write(entry)
        self._bands.append(band)

    def cut(self, count: int) -> None:
        """Forget all bands but the first ``count``."""
        del self._bands[count:], self._ends[count + 1 :]
        self._file.resize(self._ends[-1])

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, identity: Mapping[str, Any]) -> None:
        """Read what is there, or begin."""
        content = bytearray(self._file.size)
        self._file.read_at(0, memoryview(content))
        lines = _whole_lines(bytes(content))
        header, end = next(lines, (None, 0))
        own = {"journal": _FORMAT, "identity": identity}
        different = [] if not isinstance(header, dict) else differences(header, json.loads(json.dumps(own)))
        if not isinstance(header, dict) or "identity" not in header or (different and self._replace):
            self._file.resize(0)
            self._write(own)
            return
        if different:
            listed = "; ".join(text.removeprefix("identity.") for text in different)
            raise InputError(
                f"{self._file.path.parent} holds the unfinished output of another run: {listed}. "
                "Start again with what it had to go on; overwrite it (--overwrite), or delete that folder, to begin anew."
            )
        self._ends.append(end)
        for entry, end in lines:
            band = _band(entry)
            if band is None or not self.done_rows == band.start < band.stop:
                break
            self._bands.append(band)
            self._ends.append(end)
        self._file.resize(self._ends[-1])

    def _write(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, sort_keys=True).encode() + b"\n"
        start = self._ends[-1] if self._ends else 0
        self._file.write_at(start, line)
        self._file.sync()
        self._ends.append(start + len(line))


def _whole_lines(content: bytes) -> Iterator[tuple[Any, int]]:
    """The lines that are whole and JSON, each with the byte at which it ends."""
    end = 0
    for line in content.split(b"\n")[:-1]:  # what follows the last line end is nothing, or torn
        end += len(line) + 1
        try:
            yield json.loads(line), end
        except ValueError:
            return


def _band(entry: Any) -> Band | None:
    try:
        start, stop = map(int, entry["rows"])
        places = tuple(Window(*map(int, place)) for place in entry["places"])
        return Band(start, stop, places, str(entry["sha256"]), dict(entry["notes"]))
    except (KeyError, TypeError, ValueError):
        return None
