"""The ground of a landscape as layers, and the flat list of pixels that a planting function fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.covers import Surface
from rs_da_mm.datasets.samples.noise import FloatArray


class Sun(NamedTuple):
    """Where the light comes from.

    Attributes:
        azimuth: Direction to the sun in radians, 0 along the columns and growing towards the rows.
        elevation: Height above the horizon in radians.
    """

    azimuth: float
    elevation: float


class Planting(NamedTuple):
    """What a planting function puts on each of its pixels, 1-D arrays of one length.

    Attributes:
        surface: uint8 :class:`Surface`.
        bare: float32 share of soil mixed into the surface's spectrum, 0 to 1.
        tone: float32 factor on brightness: texture, roof faces, shadow.
        parcel: uint32 number of the object that the pixel belongs to; each object varies a little in colour.
    """

    surface: NDArray[np.uint8]
    bare: FloatArray
    tone: FloatArray
    parcel: NDArray[np.uint32]


class Zones(NamedTuple):
    """The plan of a landscape before anything grows on it.

    Attributes:
        cover: uint8 ``(H, W)`` :class:`~rs_da_mm.datasets.samples.covers.Cover`.
        district: int32 ``(H, W)`` zone numbers.
        direction: float32 ``(districts,)``, the direction of a zone's fields and streets in radians.
    """

    cover: NDArray[np.uint8]
    district: NDArray[np.int32]
    direction: FloatArray


@dataclass
class Ground:
    """A landscape as layers, each ``(H, W)``, at the resolution it is drawn in (twice the sensor's).

    Attributes:
        metres: Width of a pixel in metres.
        cover: uint8 :class:`~rs_da_mm.datasets.samples.covers.Cover`.
        district: int32 number of the zone that a pixel lies in.
        direction: float32 ``(districts,)``, the direction of a district's fields and streets in radians.
        surface: uint8 :class:`~rs_da_mm.datasets.samples.covers.Surface`.
        bare: float32, see :class:`Planting`.
        tone: float32, see :class:`Planting`.
        parcel: uint32, see :class:`Planting`.
        sun: Where the light comes from.
    """

    metres: float
    cover: NDArray[np.uint8]
    district: NDArray[np.int32]
    direction: FloatArray
    surface: NDArray[np.uint8]
    bare: FloatArray
    tone: FloatArray
    parcel: NDArray[np.uint32]
    sun: Sun

    @classmethod
    def empty(cls, zones: Zones, metres: float, sun: Sun) -> Ground:
        """Lay bare soil under a map of covers."""
        shape = zones.cover.shape
        return cls(
            metres=metres,
            cover=zones.cover,
            district=zones.district,
            direction=zones.direction,
            surface=np.full(shape, Surface.SOIL, np.uint8),
            bare=np.zeros(shape, np.float32),
            tone=np.ones(shape, np.float32),
            parcel=np.zeros(shape, np.uint32),
            sun=sun,
        )

    def patch(self, mask: NDArray[np.bool_]) -> Patch:
        """List the pixels of a mask with their place on the ground."""
        place = np.flatnonzero(mask)
        row, column = np.divmod(place, self.cover.shape[1])
        district = self.district.reshape(-1)[place]
        return Patch(
            place=place,
            x=((column + 0.5) * self.metres).astype(np.float32),
            y=((row + 0.5) * self.metres).astype(np.float32),
            district=district,
            direction=self.direction[district],
        )

    def plant(self, patch: Patch, planting: Planting) -> None:
        """Put what was planned for a patch into the layers."""
        self.surface.reshape(-1)[patch.place] = planting.surface
        self.bare.reshape(-1)[patch.place] = planting.bare
        self.tone.reshape(-1)[patch.place] = planting.tone
        self.parcel.reshape(-1)[patch.place] = planting.parcel


class Patch(NamedTuple):
    """Some pixels of a ground, 1-D arrays of one length.

    Attributes:
        place: Index in a flattened layer.
        x: float32 distance from the left edge in metres.
        y: float32 distance from the upper edge in metres.
        district: int32 zone number.
        direction: float32 direction of the zone's fields and streets in radians.
    """

    place: NDArray[np.intp]
    x: FloatArray
    y: FloatArray
    district: NDArray[np.int32]
    direction: FloatArray

    def rotated(self) -> tuple[FloatArray, FloatArray]:
        """Give the pixels' places along and across their district's direction, in metres."""
        along, across = np.cos(self.direction), np.sin(self.direction)
        return self.x * along + self.y * across, self.y * along - self.x * across

    def pick(self, layer: FloatArray) -> FloatArray:
        """Read a ``(H, W)`` layer at the patch's pixels."""
        picked: FloatArray = layer.reshape(-1)[self.place]
        return picked
