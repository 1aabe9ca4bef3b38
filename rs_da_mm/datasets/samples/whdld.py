"""A miniature of WHDLD (Wuhan dense labeling dataset), in the publisher's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rs_da_mm.datasets.samples.covers import Cover, Surface
from rs_da_mm.datasets.samples.labels import Legend
from rs_da_mm.datasets.samples.landscape import LandscapeRecipe
from rs_da_mm.datasets.samples.miniature import Miniature, Size
from rs_da_mm.datasets.samples.scene import make_scene
from rs_da_mm.datasets.samples.sensor import Sensor
from rs_da_mm.raster import write_raster

SIDE = 256
"""Height and width of every image in pixels."""

COUNTS: dict[Size, int] = {"default": 120, "small": 24}
"""How many images there are."""

COLOURS = ((255, 0, 0), (255, 255, 0), (192, 192, 0), (0, 255, 0), (128, 128, 128), (0, 0, 255))
"""Building, road, pavement, vegetation, bare soil, water; the files hold 1 for the first."""

LEGEND = Legend(
    codes={
        Surface.ROOF_GREY: 0,
        Surface.ROOF_RED: 0,
        Surface.ROOF_BLUE: 0,
        Surface.ROOF_WHITE: 0,
        Surface.ASPHALT: 1,
        Surface.CONCRETE: 2,
        Surface.CROP: 3,
        Surface.GRASS: 3,
        Surface.TREE: 3,
        Surface.BUSH: 3,
        Surface.SOIL: 4,
        Surface.SAND: 4,
        Surface.WATER_RIVER: 5,
        Surface.WATER_LAKE: 5,
        Surface.WATER_POND: 5,
    },
    unlabelled=3,
    coarseness=5,
    slip=1.0,
)

RECIPE = LandscapeRecipe(
    metres=2.0,
    shares={
        Cover.INDUSTRIAL: 0.15,
        Cover.URBAN: 0.18,
        Cover.RURAL: 0.08,
        Cover.TRAFFIC: 0.04,
        Cover.IRRIGATED: 0.09,
        Cover.PADDY: 0.05,
        Cover.WOODLAND: 0.11,
        Cover.GRASSLAND: 0.06,
        Cover.LAWN: 0.06,
        Cover.LAKE: 0.10,
        Cover.POND: 0.04,
        Cover.BARE: 0.06,
    },
    zone=170.0,
    river=0.35,
    river_width=(45.0, 100.0),
    highways=1,
    lanes=1,
)

GAOFEN1 = Sensor(("red", "green", "blue", "nir"), 10, (1450.0, 1500.0, 1520.0, 1300.0), (26.0, 28.0, 36.0, 18.0), 0.70, 4.0)
ZIYUAN3 = Sensor(("red", "green", "blue", "nir"), 10, (1560.0, 1440.0, 1400.0, 1300.0), (20.0, 24.0, 40.0, 18.0), 0.55, 6.0)


def write(root: Path, seed: int, size: Size) -> None:
    """Write all images and label maps.

    Args:
        root: The data set's root folder.
        seed: The user's seed.
        size: How many images there are.
    """
    for number in range(1, COUNTS[size] + 1):
        name = f"wh{number:04d}"
        sensor = GAOFEN1 if number % 2 else ZIYUAN3
        sample = make_scene(seed, f"whdld/{name}", (SIDE, SIDE), RECIPE, sensor, LEGEND)
        write_raster(root / "Images" / f"{name}.jpg", np.ascontiguousarray(sample.view[..., :3]), quality=95)
        write_raster(root / "ImagesPNG" / f"{name}.png", sample.labels + np.uint8(1), palette=[(0, 0, 0), *COLOURS])


WHDLD = Miniature("whdld", "WHDLD (Wuhan dense labeling dataset)", "WHDLD", write)
