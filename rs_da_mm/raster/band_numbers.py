"""Bands by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.scene import Scene


def band_numbers(paths: Sequence[str | Path], bands: Sequence[int | str]) -> tuple[int, ...]:
    """Turn names of bands into their numbers over all files of a scene; numbers stay.

    Args:
        paths: The files.
        bands: Numbers counted from 1, or names as the files give them; capitals make no difference.

    Returns:
        Numbers counted from 1.

    Raises:
        RasterError: When no band, or more than one, has a name.
    """
    if all(isinstance(band, int) for band in bands):
        return tuple(int(band) for band in bands)
    # With alpha=False every band of the files is there, so that places are numbers; how files are resampled makes no difference.
    names = Scene(paths, alpha=False, resample="nearest").descriptions
    return tuple(band if isinstance(band, int) else _number(band, names, paths) for band in bands)


def _number(band: str, names: Sequence[str | None], paths: Sequence[str | Path]) -> int:
    found = [number for number, name in enumerate(names, 1) if (name or "").casefold() == band.casefold()]
    if len(found) != 1:
        listed = ", ".join(name or "(no name)" for name in names)
        raise RasterError(
            f"{', '.join(map(str, paths))}: {'no' if not found else 'more than one'} band has the name '{band}'; the bands are: "
            f"{listed}. Give names that are there, or numbers counted from 1."
        )
    return found[0]
