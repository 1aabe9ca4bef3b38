"""What is asked of an assessment."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.assessment import Design

_DESIGNS: dict[str, tuple[Design, ...]] = {
    "point": ("stratified", "random"),
    "polygon": ("polygons",),
    "pixel": ("wall-to-wall", "stratified", "random"),
}


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be assessed, and how.

    Attributes:
        map: The map.
        reference: Points, polygons, or a raster.
        field: Attribute of the reference that holds the class; found by its name when it is not given.
        layer: Layer of the reference.
        crs: Coordinate system of a reference that names none, as ``EPSG:32632``.
        design: How the reference was chosen; by default that which the kind of reference suggests.
        strata: A raster of the strata, or the column of the reference that names them; the classes of the map by default.
        stratum_sizes: Area of each stratum where they are a column.
        codes: What values of the reference mean, see :func:`~rs_da_mm.evaluation.assessment.class_matching.match_classes`.
        extra_classes: Classes that only the reference has.
        confidence: Of the intervals.

    Raises:
        InputError: When the confidence is none, or the design does not go with strata.
    """

    map: Path
    reference: Path
    field: str | None = None
    layer: str | None = None
    crs: str | None = None
    design: Design | None = None
    strata: str | None = None
    stratum_sizes: Mapping[str, float] = dataclasses.field(default_factory=dict)
    codes: Mapping[str, str] = dataclasses.field(default_factory=dict)
    extra_classes: Sequence[str] = ()
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise InputError(f"--confidence {self.confidence:g}: must lie between 0 and 1, as 0.95.")
        if self.strata is not None and self.design not in (None, "stratified"):
            raise InputError(f"--design {self.design}: has no strata; leave out --strata, or this.")
        if self.stratum_sizes and self.strata is None:
            raise InputError("--stratum-sizes: belongs to --strata COLUMN, which is missing.")

    def design_for(self, kind: str) -> Design:
        """Give the design for a kind of reference.

        Args:
            kind: ``'point'``, ``'polygon'`` or ``'pixel'``.

        Returns:
            The one that was asked for; otherwise stratified for points, polygons for polygons, wall-to-wall for pixels.

        Raises:
            InputError: When the one that was asked for does not go with this kind, or strata do not.
        """
        possible = _DESIGNS[kind]
        if self.design is not None and self.design not in possible:
            raise InputError(f"--design {self.design}: {self.reference} holds {kind}s; for them it can be {', '.join(possible)}.")
        if self.strata is not None and kind != "point":
            raise InputError(f"--strata: goes with points; {self.reference} holds {kind}s.")
        return self.design or possible[0]
