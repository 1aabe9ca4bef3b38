"""Drawing a stratified random sample of points from a map, for people to label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.mapped_classes import MappedClasses
from rs_da_mm.evaluation.assessment.pixel_drawing import draw_pixels
from rs_da_mm.evaluation.assessment.point_files import check_place, write_points
from rs_da_mm.evaluation.assessment.sample_size import Allocation, allocate, sample_size

USUAL_USERS_ACCURACY = 0.85


@dataclass(frozen=True)
class SampleRequest:
    """What is to be drawn.

    Attributes:
        map: The map, whose classes are the strata.
        out: Where the points go, ``.gpkg`` or ``.csv``.
        points: How many; ``None`` for as many as ``standard_error`` asks for.
        allocation: How they are shared out, see :func:`~rs_da_mm.evaluation.assessment.sample_size.allocate`.
        minimum: What each class gets at least.
        standard_error: The error of overall accuracy that is wanted.
        expected: User's accuracy that is expected of a class, by name or number; 0.85 for all others.
        seed: Of the choice.
    """

    map: Path
    out: Path
    points: int | None = None
    allocation: Allocation = "proportional"
    minimum: int = 50
    standard_error: float = 0.01
    expected: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class DrawnSample:
    """What was drawn.

    Attributes:
        classes: Names of the classes of the map.
        shares: Share of each.
        points: Points in each.
    """

    classes: tuple[str, ...]
    shares: NDArray[np.float64]
    points: NDArray[np.int64]


def draw_sample(request: SampleRequest) -> DrawnSample:
    """Draw points, and write them.

    Args:
        request: What.

    Returns:
        How many of which class.

    Raises:
        InputError: When the map cannot be read or has no grid, a class is not there, there are too few points, or the file is
            there already.
    """
    check_place(request.out)
    mapped = MappedClasses(request.map)
    georeference = mapped.raster.scene.georeference()
    if not georeference.has_transform:
        raise InputError(f"{request.map} has no grid on the ground: points of it would have no coordinates.")
    legend = mapped.legend
    sizes = mapped.sizes(len(legend))
    present = [place for place in range(len(legend)) if sizes[place] > 0]
    names = tuple(legend.names[place] for place in present)
    values = [legend.values[place] for place in present]
    shares = sizes[present] / sizes.sum()
    users = _expected(request.expected, names, values)
    wanted = sample_size(shares, users, request.standard_error) if request.points is None else request.points
    if request.points is None:
        wanted = max(wanted, request.minimum * len(names))
    pixels = [mapped.tally[value].pixels for value in values]
    points = allocate(wanted, shares, users, pixels, request.allocation, request.minimum)
    drawn = draw_pixels(mapped.raster, dict(zip(values, points.tolist(), strict=True)), request.seed)
    t = georeference.transform
    rows, cols = drawn[:, 0] + 0.5, drawn[:, 1] + 0.5
    coordinates = np.stack([t.a * cols + t.b * rows + t.c, t.d * cols + t.e * rows + t.f], axis=1)
    write_points(request.out, coordinates, georeference.crs)
    return DrawnSample(names, shares, points)


def _expected(given: Mapping[str, float], names: tuple[str, ...], values: list[int]) -> NDArray[np.float64]:
    places = {**{str(value): k for k, value in enumerate(values)}, **{name: k for k, name in enumerate(names)}}
    users = np.full(len(names), USUAL_USERS_ACCURACY)
    for name, accuracy in given.items():
        if name not in places:
            raise InputError(f"--expected {name}={accuracy:g}: the map has no class {name!r}; it has {', '.join(names)}.")
        users[places[name]] = accuracy
    return users
