"""What a landscape is made of: covers (what a map shows), surfaces (what a sensor sees), and a recipe for every cover."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Cover(IntEnum):
    """What the land is used for: one of these per zone of the landscape."""

    INDUSTRIAL = 0
    URBAN = 1
    RURAL = 2
    TRAFFIC = 3
    PADDY = 4
    IRRIGATED = 5
    DRY_CROP = 6
    ORCHARD = 7
    WOODLAND = 8
    SHRUB = 9
    GRASSLAND = 10
    LAWN = 11
    RIVER = 12
    LAKE = 13
    POND = 14
    BARE = 15


class Surface(IntEnum):
    """What lies on the ground: a material with a spectrum of its own."""

    ROOF_GREY = 0
    ROOF_RED = 1
    ROOF_BLUE = 2
    ROOF_WHITE = 3
    ASPHALT = 4
    CONCRETE = 5
    SOIL = 6
    SAND = 7
    CROP = 8
    GRASS = 9
    TREE = 10
    BUSH = 11
    WATER_RIVER = 12
    WATER_LAKE = 13
    WATER_POND = 14


ROOFS = (Surface.ROOF_GREY, Surface.ROOF_RED, Surface.ROOF_BLUE, Surface.ROOF_WHITE)
NATURAL = (Cover.WOODLAND, Cover.SHRUB, Cover.GRASSLAND, Cover.LAKE, Cover.BARE)
"""Covers whose outline is ragged; all others end in straight lines."""


@dataclass(frozen=True)
class Fields:
    """Farmland: rectangular parcels in strips, each with its own crop.

    Attributes:
        width: Least and greatest width of a strip, in metres.
        length: Least and greatest length of a parcel along its strip, in metres.
        bare: Least and greatest share of soil seen through the crop.
        flooded: Probability that a parcel stands under water.
        rows: Distance between crop rows in metres.
        row_contrast: Amplitude of the rows' brightness; every parcel takes a part of it.
        bund: Surface between parcels.
        bund_width: Its width in metres.
        trees: Share of the ground under trees planted in rows, as in an orchard.
    """

    width: tuple[float, float]
    length: tuple[float, float]
    bare: tuple[float, float]
    flooded: float = 0.0
    rows: float = 12.0
    row_contrast: float = 0.10
    bund: Surface = Surface.SOIL
    bund_width: float = 4.0
    trees: float = 0.0


@dataclass(frozen=True)
class Settlement:
    """Built-up land: blocks between streets, plots in a block, one building per plot, yards and trees around it.

    Attributes:
        block: Length and width of a block in metres, streets included.
        street: Width of a street in metres.
        plot: Length and width of a plot in metres; a block holds a whole number of them.
        fill: Least and greatest share of the plot's length (and width) that the building takes.
        density: Probability that a plot is built on.
        height: Least and greatest height of a building in metres.
        roofs: Probability of each of :data:`ROOFS`.
        yards: Probability that a plot's open ground is concrete, soil, grass.
        trees: Share of the open ground under trees.
        gabled: Whether roofs have two faces.
    """

    block: tuple[float, float]
    street: float
    plot: tuple[float, float]
    fill: tuple[float, float]
    density: float
    height: tuple[float, float]
    roofs: tuple[float, float, float, float]
    yards: tuple[float, float, float]
    trees: float
    gabled: bool


@dataclass(frozen=True)
class Vegetation:
    """Woods, scrub and grass.

    Attributes:
        plant: The surface that prevails.
        cover: Share of the ground that it covers; grass and soil show through elsewhere.
        bare: Least and greatest share of soil seen through the plants or the grass between them.
        relief: Amplitude of the crowns' light and shade.
        bushes: Share of the ground under single bushes or clumps of trees.
        paths: Whether paths and patches of sand are laid out in it, as in a park or on a golf course.
    """

    plant: Surface
    cover: float
    bare: tuple[float, float]
    relief: float
    bushes: float = 0.0
    paths: bool = False


FIELDS: dict[Cover, Fields] = {
    Cover.PADDY: Fields(
        width=(28, 60), length=(40, 90), bare=(0.05, 0.55), flooded=0.35, rows=16, row_contrast=0.04, bund=Surface.GRASS
    ),
    Cover.IRRIGATED: Fields(width=(30, 90), length=(120, 320), bare=(0.0, 0.9), rows=12, row_contrast=0.12),
    Cover.DRY_CROP: Fields(width=(18, 45), length=(150, 400), bare=(0.65, 1.0), rows=9, row_contrast=0.10, bund_width=3.0),
    Cover.ORCHARD: Fields(width=(80, 160), length=(120, 320), bare=(0.15, 0.6), rows=14, bund_width=5.0, trees=0.55),
}

SETTLEMENTS: dict[Cover, Settlement] = {
    Cover.INDUSTRIAL: Settlement(
        block=(260, 200), street=16, plot=(84, 64), fill=(0.50, 0.90), density=0.80, height=(8, 14),
        roofs=(0.30, 0.05, 0.40, 0.25), yards=(0.62, 0.28, 0.10), trees=0.05, gabled=False,
    ),
    Cover.URBAN: Settlement(
        block=(190, 150), street=14, plot=(46, 34), fill=(0.40, 0.85), density=0.82, height=(14, 45),
        roofs=(0.62, 0.14, 0.06, 0.18), yards=(0.50, 0.15, 0.35), trees=0.30, gabled=False,
    ),
    Cover.RURAL: Settlement(
        block=(120, 90), street=6, plot=(21, 18), fill=(0.45, 0.90), density=0.66, height=(4, 8),
        roofs=(0.50, 0.32, 0.08, 0.10), yards=(0.25, 0.45, 0.30), trees=0.35, gabled=True,
    ),
}  # fmt: skip

VEGETATION: dict[Cover, Vegetation] = {
    Cover.WOODLAND: Vegetation(plant=Surface.TREE, cover=0.95, bare=(0.0, 0.3), relief=0.22),
    Cover.SHRUB: Vegetation(plant=Surface.BUSH, cover=0.70, bare=(0.1, 0.6), relief=0.20),
    Cover.GRASSLAND: Vegetation(plant=Surface.GRASS, cover=1.0, bare=(0.0, 0.45), relief=0.03, bushes=0.02),
    Cover.LAWN: Vegetation(plant=Surface.GRASS, cover=1.0, bare=(0.0, 0.35), relief=0.03, bushes=0.14, paths=True),
}
