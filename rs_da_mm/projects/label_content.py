"""What labels hold: values, colours or shapes, and how much of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from rs_da_mm.projects.findings import some

Colour = tuple[int, int, int]
Kind = Literal["values", "colours", "shapes"]

MOST = 254
"""Classes that labels can hold."""
_SHOWN = 12


@dataclass(frozen=True)
class LabelContent:
    """What the labels hold.

    Attributes:
        kind: ``'values'`` (also palettes), ``'colours'``, or ``'shapes'``.
        counts: Pixels (of shapes: features) of each value, as a key of ``label_codes`` spells it: 3, ``'#e2a929'``, ``'forest'``.
        nodata: Values that a file calls "no data".
        colours: The palette's colour of a value, or the colour itself.
        names: Names that the files give values.
        attribute: The attribute that tells the class of a shape; ``None`` when all are of one class.
        geometries: Which kinds of geometry there are: ``'points'``, ``'lines'``, ``'polygons'``.
        missing: Features without a value.
        looked_at: How many files were looked at, and how many there are.
    """

    kind: Kind
    counts: dict[Any, int]
    nodata: frozenset[int] = frozenset()
    colours: dict[Any, Colour] = field(default_factory=dict)
    names: dict[Any, str] = field(default_factory=dict)
    attribute: str | None = None
    geometries: frozenset[str] = frozenset()
    missing: int = 0
    looked_at: tuple[int, int] = (1, 1)

    @property
    def unit(self) -> str:
        """What is counted."""
        return "features" if self.kind == "shapes" else "pixels"

    def spelled(self) -> str:
        """The values with their counts, for messages."""
        told = [f"{value} ({count:,} {self.unit})" for value, count in self.counts.items()]
        return some(told, _SHOWN)
