"""What the values of quality masks mean: which of them say that a pixel is of no use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import DatasetError

QualityKind = Literal["scl", "landsat_qa", "bits", "values", "zero"]
"""Ways in which a raster tells the quality of pixels."""

SCL_INVALID = (0, 1, 3, 8, 9, 10)
"""Classes of Sentinel-2's scene classification that are left out: no data, saturated or defective, cloud shadow, cloud of medium
and of high probability, thin cirrus. Level-2A Algorithm Theoretical Basis Document (S2-PDGS-MPC-ATBD-L2A), table of the scene
classification. Kept are 2 dark area, 4 vegetation, 5 not vegetated, 6 water, 7 unclassified, 11 snow or ice."""

LANDSAT_INVALID = (0, 1, 2, 3, 4)
"""Bits of Landsat Collection 2's QA_PIXEL that are left out: fill, dilated cloud, cirrus, cloud, cloud shadow. Landsat 8-9
Collection 2 Level 2 Science Product Guide (LSDS-1619), table of QA_PIXEL. Bit 5 is snow, 6 clear, 7 water; cirrus is not set by
Landsat 4 to 7."""

_DEFAULTS: Mapping[str, tuple[int, ...]] = {"scl": SCL_INVALID, "landsat_qa": LANDSAT_INVALID, "zero": (0,)}
_BITWISE = ("landsat_qa", "bits")


@dataclass(frozen=True)
class QualityRule:
    """Which pixels a quality mask makes invalid.

    Attributes:
        kind: ``'scl'`` (Sentinel-2's scene classification), ``'landsat_qa'`` (QA_PIXEL of Landsat's Collection 2), ``'bits'``
            (other bit fields), ``'values'``, or ``'zero'`` (0 is no data, all else is).
        invalid: Numbers of the bits, counted from 0, of which any makes a pixel invalid; for the other kinds, values that do.
        band: The band of the mask, counted from 1.
    """

    kind: QualityKind
    invalid: tuple[int, ...]
    band: int = 1

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> QualityRule:
        """Read ``dict(kind=…, invalid=…, band=…)``; what else it holds is not looked at.

        Raises:
            DatasetError: When the kind is unknown, or what is invalid is not told or no list of whole numbers.
        """
        kind, band = config.get("kind", "zero"), config.get("band", 1)
        if kind not in get_args(QualityKind):
            raise DatasetError(f"masks: the kind is {kind!r}; it can be {', '.join(map(repr, get_args(QualityKind)))}.")
        invalid = config.get("invalid", _DEFAULTS.get(kind))
        if invalid is None:
            what = "bits, counted from 0," if kind == "bits" else "values"
            raise DatasetError(f"masks: kind='{kind}' needs invalid=[…], the {what} that make a pixel invalid.")
        numbers = (invalid,) if isinstance(invalid, int) else tuple(invalid)
        if not numbers or not all(isinstance(one, int) and not isinstance(one, bool) for one in (*numbers, band)) or band < 1:
            raise DatasetError(f"masks: invalid={invalid!r} and band={band!r} of kind='{kind}' must be whole numbers.")
        if kind in _BITWISE and not all(0 <= one < 64 for one in numbers):
            raise DatasetError(f"masks: invalid={list(numbers)} of kind='{kind}' are bits; they are counted from 0 to 63.")
        return cls(kind, numbers, band)

    def parameters(self) -> dict[str, Any]:
        """The form that is recorded with stored results."""
        return {"kind": self.kind, "invalid": list(self.invalid), "band": self.band}

    def is_invalid(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Find the values that make a pixel invalid.

        Args:
            values: Of a quality mask, any shape; whole numbers where the kind is of bits.

        Returns:
            Same shape.

        Raises:
            DatasetError: When bits are asked of values that are no whole numbers.
        """
        if self.kind not in _BITWISE:
            return np.isin(values, self.invalid)
        if values.dtype.kind not in "iu":
            raise DatasetError(f"masks: kind='{self.kind}' reads bits, and the mask holds {values.dtype}; it must be integers.")
        field = sum(1 << bit for bit in set(self.invalid))
        return (values.astype(np.uint64) & np.uint64(field)) != 0
