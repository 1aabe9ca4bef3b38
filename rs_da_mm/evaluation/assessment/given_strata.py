"""Strata that are not the classes of the map: from a raster, or a column of the reference with sizes given by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.class_raster import ClassRaster
from rs_da_mm.evaluation.assessment.class_tallies import class_tally
from rs_da_mm.evaluation.assessment.legend import class_names
from rs_da_mm.evaluation.assessment.placement import Placement
from rs_da_mm.evaluation.assessment.reference import Reference
from rs_da_mm.evaluation.assessment.sample_units import Units
from rs_da_mm.raster.vectors.libraries import shapely


class Strata:
    """Strata of sample points.

    Attributes:
        names: A name per stratum.
        sizes: Area of each, shape (H,): square metres from a raster whose pixel areas are known, else in any unit.
        of_units: Stratum of each unit, shape (n,); -1 where it has none.
        is_area: Whether the sizes are square metres.
    """

    def __init__(self, names: list[str], sizes: NDArray[np.float64], of_units: NDArray[np.int64], is_area: bool) -> None:
        self.names, self.sizes, self.of_units, self.is_area = names, sizes, of_units, is_area


def find_strata(source: str, sizes: Mapping[str, float], reference: Reference, units: Units) -> Strata:
    """Find the stratum of each point.

    Args:
        source: A raster with a number per stratum, which covers the area that was sampled; or a column of the reference.
        sizes: Area of each stratum in any unit, by the column's values; empty for a raster, which tells them itself.
        reference: The reference.
        units: Its points on the map.

    Returns:
        The strata.

    Raises:
        InputError: When there is neither such a file nor such a column, a size is missing or not positive, or sizes were given
            for a raster.
    """
    if source in reference.columns:
        return _from_column(source, sizes, reference, units)
    if not Path(source).exists():
        raise InputError(
            f"--strata {source}: is neither a file nor a column of {reference.path}, which has {', '.join(reference.columns)}."
        )
    if sizes:
        raise InputError(f"--stratum-sizes: {source} is a raster, which tells the sizes itself; leave them out.")
    return _from_raster(Path(source), reference, units)


def _from_raster(path: Path, reference: Reference, units: Units) -> Strata:
    raster = ClassRaster(path)
    tally, names = class_tally(raster), class_names(path)
    coordinates = shapely().get_coordinates(reference.shapes[units.features])
    values, known = raster.at(*Placement(raster, reference).pixels_of(coordinates))
    numbers = sorted(tally)
    place = {value: index for index, value in enumerate(numbers)}
    of_units = np.array([place[int(value)] if has else -1 for value, has in zip(values, known, strict=True)], np.int64)
    if (of_units < 0).all():
        raise InputError(f"--strata {path}: none of the points lies where it has data.")
    spelled = [names.get(value, str(value)) for value in numbers]
    return Strata(spelled, np.array([tally[value].area for value in numbers]), of_units, raster.cells is not None)


def _from_column(column: str, sizes: Mapping[str, float], reference: Reference, units: Units) -> Strata:
    texts = [reference.columns[column][feature] for feature in units.features]
    missing = sorted({text for text in texts if text is not None and text not in sizes})
    if missing:
        raise InputError(
            f"--strata {column}: how large are {', '.join(missing)}? Give the area or the pixels of every stratum, also of those "
            f"without points, as --stratum-sizes {missing[0]}=40000 …"
        )
    if any(not 0 < size < float("inf") for size in sizes.values()):
        raise InputError("--stratum-sizes: every size must be above 0.")
    names = list(sizes)
    of_units = np.array([-1 if text is None else names.index(text) for text in texts], np.int64)
    return Strata(names, np.array(list(sizes.values()), np.float64), of_units, is_area=False)
