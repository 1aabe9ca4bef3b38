"""A miniature of GID's large-scale classification set (five classes and "others"), in the publisher's layout."""

from __future__ import annotations

from rs_da_mm.datasets.samples.covers import Cover
from rs_da_mm.datasets.samples.gaofen import METRES, GaofenSet
from rs_da_mm.datasets.samples.labels import Legend
from rs_da_mm.datasets.samples.landscape import LandscapeRecipe
from rs_da_mm.datasets.samples.miniature import Miniature

SCENES = (
    "GF2_PMS1__L1A0000647767-MSS1",
    "GF2_PMS1__L1A0001064454-MSS1",
    "GF2_PMS1__L1A0001348919-MSS1",
    "GF2_PMS1__L1A0001680851-MSS1",
    "GF2_PMS1__L1A0001680853-MSS1",
    "GF2_PMS1__L1A0001680857-MSS1",
    "GF2_PMS1__L1A0001757429-MSS1",
    "GF2_PMS2__L1A0000607681-MSS2",
    "GF2_PMS2__L1A0000635115-MSS2",
    "GF2_PMS2__L1A0000658637-MSS2",
    "GF2_PMS2__L1A0001206072-MSS2",
    "GF2_PMS2__L1A0001471436-MSS2",
    "GF2_PMS2__L1A0001642620-MSS2",
    "GF2_PMS2__L1A0001787089-MSS2",
    "GF2_PMS2__L1A0001838560-MSS2",
)
"""The 15 scenes of the MACU-Net paper."""

COLOURS = ((0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 255, 255), (255, 255, 0), (0, 0, 255))
"""Others, built-up, farmland, forest, meadow, water."""

LEGEND = Legend(
    codes={
        Cover.INDUSTRIAL: 1,
        Cover.URBAN: 1,
        Cover.RURAL: 1,
        Cover.PADDY: 2,
        Cover.IRRIGATED: 2,
        Cover.DRY_CROP: 2,
        Cover.ORCHARD: 3,
        Cover.WOODLAND: 3,
        Cover.SHRUB: 3,
        Cover.GRASSLAND: 4,
        Cover.LAWN: 4,
        Cover.RIVER: 5,
        Cover.LAKE: 5,
        Cover.POND: 5,
    },
    unlabelled=0,
    coarseness=5,
    slip=1.0,
    rims=0.25,
    rim=2,
)

RECIPE = LandscapeRecipe(
    metres=METRES,
    shares={
        Cover.INDUSTRIAL: 0.07,
        Cover.URBAN: 0.08,
        Cover.RURAL: 0.06,
        Cover.PADDY: 0.09,
        Cover.IRRIGATED: 0.13,
        Cover.DRY_CROP: 0.07,
        Cover.ORCHARD: 0.03,
        Cover.WOODLAND: 0.10,
        Cover.SHRUB: 0.04,
        Cover.GRASSLAND: 0.09,
        Cover.LAWN: 0.04,
        Cover.LAKE: 0.08,
        Cover.POND: 0.05,
        Cover.BARE: 0.07,
    },
    zone=300.0,
    river=0.8,
    river_width=(90.0, 190.0),
    highways=2,
    lanes=3,
)

SET = GaofenSet(
    name="gid",
    scenes=SCENES,
    shapes={"default": (530, 1040), "small": (300, 560)},
    recipe=RECIPE,
    legend=LEGEND,
    colours=COLOURS,
    label_folder="label_5classes",
    slanting=5,
    left_out=0.0,
    deep=4,
)

GID = Miniature(
    "gid", "GID (Gaofen Image Dataset), large-scale classification", "GID/Large-scale Classification_5classes", SET.write
)
