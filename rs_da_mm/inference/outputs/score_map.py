"""Scores per class, and how sure a map is, in 8 or 16 bits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs.classes import MapClasses
from rs_da_mm.raster import CogWriter, Georeference, RasterWriter

ScoreType = Literal["uint8", "float16"]
Measure = Literal["entropy", "least_confidence"]
Stored = TypeVar("Stored", np.uint8, np.float16)

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
        with np.errstate(over="ignore"):  # where nothing is covered, there may be anything
            halves = probabilities.astype(np.float16)
        return _blank(halves, covered, np.float16(np.nan))
    return _blank(_steps(probabilities), covered, np.uint8(NODATA))


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
    unsure = _entropy(probabilities) if measure == "entropy" else 1 - probabilities.max(axis=0)
    return _blank(_steps(unsure), covered, np.uint8(NODATA))


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
        dtype: As given to :func:`encode_scores`. float16 is read as float32, and kept in 16 bits in a plain file.
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


def _entropy(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """-Σ p ln p / ln C, class by class: nothing of the size of all classes is made."""
    total = np.zeros(probabilities.shape[1:], np.float32)
    for of_class in probabilities:
        known = np.clip(of_class, np.finfo(np.float32).tiny, 1, dtype=np.float32)
        total += known * np.log(known)
    return -total / np.float32(math.log(probabilities.shape[0]))


def _steps(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """0 to 1 as 0 to :data:`STEPS`; anything where it is no number."""
    scaled = np.clip(values, 0, 1)
    scaled *= STEPS
    np.rint(scaled, out=scaled)
    with np.errstate(invalid="ignore"):
        return scaled.astype(np.uint8)


def _blank(values: NDArray[Stored], covered: NDArray[np.bool_], nodata: Stored) -> NDArray[Stored]:
    """Mark what is not covered, in place."""
    if not covered.all():
        np.copyto(values, nodata, where=~covered)
    return values


def _check(probabilities: NDArray[np.floating[Any]], covered: NDArray[np.bool_]) -> None:
    # NaN is neither least nor greatest: comparing them with it is false.
    if probabilities.size and probabilities.min() >= -_ROUNDING and probabilities.max() <= 1 + _ROUNDING:
        return
    wrong = covered & ~((probabilities >= -_ROUNDING) & (probabilities <= 1 + _ROUNDING)).all(axis=0)
    if wrong.any():
        row, col = (int(index) for index in np.argwhere(wrong)[0])
        values = ", ".join(f"{value:.4g}" for value in probabilities[:, row, col])
        raise InputError(
            f"the scores at row {row}, column {col} of a part are {values}; probabilities from 0 to 1 were expected. Apply a "
            "softmax before the scores are blended."
        )
