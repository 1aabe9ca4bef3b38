"""Scores per class, and how sure a map is, in 8 or 16 bits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs.classes import MapClasses
from rs_da_mm.raster import CogWriter, Georeference, RasterWriter

ScoreType = Literal["uint8", "float16"]
Measure = Literal["entropy", "least_confidence"]

STEPS = 250
"""A probability of 1 in 8 bits. So a step is 0.004, and 255 is left for pixels without data."""
NODATA = 255

_ROUNDING = 1e-3


def encode_scores(
    probabilities: NDArray[np.floating[Any]], covered: NDArray[np.bool_], dtype: ScoreType = "uint8"
) -> NDArray[np.uint8] | NDArray[np.float16]:
    """Bring probabilities into the form in which they are stored.

    Args:
        probabilities: ``(classes, h, w)``, 0 to 1.
        covered: ``(h, w)``, where there are any.
        dtype: ``'uint8'``: 0 to 250, an error of at most 0.002, 255 where not covered. ``'float16'``: an error of at most
            0.00025, NaN where not covered.

    Returns:
        ``(classes, h, w)``.

    Raises:
        InputError: When a covered value is no probability.
    """
    if dtype not in get_args(ScoreType):
        raise InputError(f"scores are kept as {' or '.join(get_args(ScoreType))}, not as {dtype!r}.")
    _check(probabilities, covered)
    if dtype == "float16":
        return np.where(covered, probabilities, np.nan).astype(np.float16)
    steps = np.clip(np.where(covered, probabilities, 0), 0, 1) * np.float32(STEPS)
    return np.where(covered, np.rint(steps).astype(np.uint8), np.uint8(NODATA))


def uncertainty(
    probabilities: NDArray[np.floating[Any]], covered: NDArray[np.bool_], measure: Measure = "entropy"
) -> NDArray[np.uint8]:
    """Measure how unsure the scores are of the class.

    Args:
        probabilities: ``(classes, h, w)``, 0 to 1, with a sum of 1.
        covered: ``(h, w)``, where there are any.
        measure: ``'entropy'``: -Σ p ln p / ln C, 0 for a sure pixel, 1 where all C classes are equally likely.
            ``'least_confidence'``: 1 - max p.

    Returns:
        ``(h, w)`` uint8, 0 to 250 for 0 to 1, 255 where not covered.

    Raises:
        InputError: When a covered value is no probability, or there is one class only.
    """
    if measure not in get_args(Measure):
        raise InputError(f"uncertainty is measured by {' or '.join(get_args(Measure))}, not by {measure!r}.")
    if probabilities.shape[0] < 2:
        raise InputError("the scores of one class alone say nothing of uncertainty; leave it out.")
    _check(probabilities, covered)
    known = np.where(covered, probabilities, 1)
    if measure == "entropy":
        known = np.clip(known, np.finfo(np.float32).tiny, 1, dtype=np.float32)
        unsure = -(known * np.log(known)).sum(axis=0) / math.log(known.shape[0])
    else:
        unsure = 1 - known.max(axis=0)
    return np.where(covered, np.rint(np.clip(unsure, 0, 1) * STEPS).astype(np.uint8), np.uint8(NODATA))


def open_score_map(
    path: str | Path,
    height: int,
    width: int,
    classes: MapClasses,
    georeference: Georeference | None = None,
    *,
    dtype: ScoreType = "uint8",
    cog: bool = True,
    threads: int = 1,
) -> RasterWriter:
    """Open a raster of scores for writing: a band per class, named after it.

    Args:
        path: Where it goes, ``.tif``.
        height: Rows.
        width: Columns.
        classes: The classes.
        georeference: Where it lies.
        dtype: As given to :func:`encode_scores`. The GDAL here has no Float16 of its own; float16 is kept in 16 bits and read as
            float32.
        cog: A cloud-optimized GeoTIFF with averaged overviews; otherwise a plain tiled one.
        threads: Threads that compress.

    Returns:
        A writer of ``(h, w, classes)``, as :func:`encode_scores` gives them with the classes last. An 8-bit file says that a step
        is 0.004, so that QGIS and GDAL show probabilities.

    Raises:
        RasterError: When the file cannot be made.
    """
    return _open(path, height, width, list(classes.names), georeference, dtype, cog, threads)


def open_uncertainty_map(
    path: str | Path,
    height: int,
    width: int,
    georeference: Georeference | None = None,
    *,
    measure: Measure = "entropy",
    cog: bool = True,
    threads: int = 1,
) -> RasterWriter:
    """Open a raster of :func:`uncertainty` for writing; the arguments are those of :func:`open_score_map`."""
    return _open(path, height, width, [f"uncertainty ({measure})"], georeference, "uint8", cog, threads)


def _open(
    path: str | Path,
    height: int,
    width: int,
    bands: list[str],
    georeference: Georeference | None,
    dtype: ScoreType,
    cog: bool,
    threads: int,
) -> RasterWriter:
    kind, options = (CogWriter, {"overviews": "average"}) if cog else (RasterWriter, {})
    is_bytes = dtype == "uint8"
    make: Any = kind
    writer: RasterWriter = make(
        path,
        height=height,
        width=width,
        count=len(bands),
        dtype=dtype,
        georeference=georeference,
        nodata=NODATA if is_bytes else math.nan,
        descriptions=bands,
        scale=1 / STEPS if is_bytes else None,
        blocksize=512,
        threads=threads,
        sparse=True,
        **options,
    )
    return writer


def _check(probabilities: NDArray[np.floating[Any]], covered: NDArray[np.bool_]) -> None:
    wrong = covered & ~((probabilities >= -_ROUNDING) & (probabilities <= 1 + _ROUNDING)).all(axis=0)
    if wrong.any():
        row, col = (int(index) for index in np.argwhere(wrong)[0])
        values = ", ".join(f"{value:.4g}" for value in probabilities[:, row, col])
        raise InputError(
            f"the scores at row {row}, column {col} of a part are {values}; probabilities from 0 to 1 were expected. Apply a "
            "softmax before the scores are blended."
        )
