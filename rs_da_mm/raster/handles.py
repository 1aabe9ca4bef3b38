"""Open files, kept open between reads.

A GDAL handle may be used neither by two threads nor on both sides of a fork. So every thread keeps its own few, and a process
that finds itself forked starts with none.
"""

from __future__ import annotations

import os
import stat
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import rasterio
from rasterio._err import CPLE_BaseError, stack_errors
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.blocks import check_not_empty
from rs_da_mm.raster.locations import Location, local_file

OPEN_FILES = 64
"""Files that a thread keeps open; beyond that, the one that was not read for longest is closed."""

GDAL_ERRORS = (RasterioError, CPLE_BaseError, OSError)
"""What rasterio raises where GDAL fails: its own errors, and in places those of GDAL and of the system."""


class _Stamp(NamedTuple):
    """Tells one file from another that took its place."""

    inode: int
    size: int
    changed: int


class _Handles(threading.local):
    """The open files of one thread, the one used last at the end."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.opened: OrderedDict[Location, tuple[_Stamp | None, Any]] = OrderedDict()
        self.inherited: list[Any] = []

    def own(self) -> OrderedDict[Location, tuple[_Stamp | None, Any]]:
        """The files that this process opened itself."""
        if self.process != os.getpid():
            # Neither used nor closed: both could wait for a lock whose owner was not forked along.
            self.inherited.append(self.opened)
            self.process, self.opened = os.getpid(), OrderedDict()
        return self.opened


_handles = _Handles()


def open_raster(path: Location) -> Any:
    """Give this thread's open dataset of a file, opening it when it is not open, or was replaced on disk since.

    What lies in a local archive is opened again when the archive was replaced; what lies in a network is not looked at again.

    Args:
        path: The file, or another place that GDAL reads from.

    Returns:
        A rasterio dataset, for this thread alone and until its next call, which may close it.

    Raises:
        RasterError: When there is no such file, GDAL cannot read it, or it holds no pixels.
    """
    opened = _handles.own()
    stamp = _stamp(path)
    held = opened.pop(path, None)
    if held is not None and held[0] != stamp:
        held[1].close()
        held = None
    opened[path] = held or (stamp, open_fresh(path))
    while len(opened) > OPEN_FILES:
        opened.popitem(last=False)[1][1].close()
    return opened[path][1]


def open_fresh(path: Location) -> Any:
    """Open a file for its caller alone, who closes it.

    Args:
        path: The file, or another place that GDAL reads from.

    Returns:
        A rasterio dataset.

    Raises:
        RasterError: When there is no such file, GDAL cannot read it, or it holds no pixels.
    """
    _stamp(path)
    with quiet():
        try:
            dataset = rasterio.open(path)
        except GDAL_ERRORS as error:
            raise RasterError(f"{path} is no raster that can be opened: {reason(error)}") from error
    if dataset.count < 1:
        inside = ", ".join(dataset.subdatasets)
        dataset.close()
        raise RasterError(f"{path} is a container of several rasters; name one of them in its place: {inside}.")
    check_not_empty(dataset, path)
    return dataset


def release(path: Location) -> None:
    """Close a file that this thread keeps open: Windows replaces no file that is."""
    held = _handles.own().pop(path, None)
    if held is not None:
        held[1].close()


def forget_failure(location: Location) -> None:
    """Let the next attempt at a file that this thread failed to read be like the first.

    rasterio would raise this thread's last error once more at the next property that looks for one. A JPEG's decoder does not
    fail twice: asked again, it gives grey for all that it could not decode.

    Args:
        location: The file.
    """
    release(location)
    with stack_errors():
        pass  # begins with none


@contextmanager
def quiet() -> Iterator[None]:
    """Keep GDAL from printing, and rasterio from warning of files without a georeference: photographs are welcome here."""
    with rasterio.Env(), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def reason(error: BaseException) -> str:
    """Dig out what GDAL said: rasterio puts it behind an error that only says "see previous exception"."""
    while isinstance(error, GDAL_ERRORS) and error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().rstrip(".") + "."


def _stamp(location: Location) -> _Stamp | None:
    path = local_file(location)
    if path is None:
        return None
    try:
        state = path.stat()
    except FileNotFoundError:
        raise RasterError(f"{path} does not exist.") from None
    except OSError as error:
        raise RasterError(f"{path} cannot be reached: {error.strerror}.") from error
    if stat.S_ISDIR(state.st_mode):
        raise RasterError(f"{path} is a folder; a raster file was expected.")
    return _Stamp(state.st_ino, state.st_size, state.st_mtime_ns)
