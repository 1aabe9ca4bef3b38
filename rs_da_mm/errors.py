"""Errors that are the input's fault, and so are told in one sentence instead of a traceback."""

from __future__ import annotations


class InputError(ValueError):
    """Something the user gave cannot be used: a file, a key of a config, an option.

    The message names the file, window or key, says what was found and what was expected, and ends with what to do.
    The tools print it alone and leave with status 1.
    """


class RasterError(InputError):
    """A raster cannot be opened, read, or written."""


class DatasetError(InputError):
    """A data set is missing, incomplete, or contradicts itself."""
