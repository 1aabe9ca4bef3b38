"""A miniature of GID's fine land-cover classification set (15 classes), in the publisher's layout."""

from __future__ import annotations

from rs_da_mm.datasets.samples.covers import Cover
from rs_da_mm.datasets.samples.gaofen import METRES, GaofenSet
from rs_da_mm.datasets.samples.labels import Legend
from rs_da_mm.datasets.samples.landscape import LandscapeRecipe
from rs_da_mm.datasets.samples.miniature import Miniature

SCENES = (
    "GF2_PMS1__L1A0001064454-MSS1",
    "GF2_PMS1__L1A0001118839-MSS1",
    "GF2_PMS1__L1A0001344822-MSS1",
    "GF2_PMS1__L1A0001395956-MSS1",
    "GF2_PMS1__L1A0001680858-MSS1",
    "GF2_PMS2__L1A0000718813-MSS2",
    "GF2_PMS2__L1A0001471436-MSS2",
    "GF2_PMS2__L1A0001517494-MSS2",
    "GF2_PMS2__L1A0001787564-MSS2",
    "GF2_PMS2__L1A0001821754-MSS2",
)
"""Ten scenes: eight that public code names as scenes of this set, and two more of GID's (1344822, 1821754) to fill up to ten."""

COLOURS = (
    (200, 0, 0),
    (250, 0, 150),
    (200, 150, 150),
    (250, 150, 150),
    (0, 200, 0),
    (150, 250, 0),
    (150, 200, 150),
    (200, 0, 200),
    (150, 0, 250),
    (150, 150, 250),
    (250, 200, 0),
    (200, 200, 0),
    (0, 0, 200),
    (0, 150, 200),
    (0, 200, 250),
    (0, 0, 0),
)
"""The 15 classes in the order of :class:`~rs_da_mm.datasets.samples.covers.Cover`, then unknown."""

UNKNOWN = 15

LEGEND = Legend(
    codes={Cover(number): number for number in range(UNKNOWN)},
    unlabelled=UNKNOWN,
    coarseness=5,
    slip=1.0,
    rims=0.35,
    rim=2,
)

RECIPE = LandscapeRecipe(
    metres=METRES,
    shares={
        Cover.INDUSTRIAL: 0.08,
        Cover.URBAN: 0.09,
        Cover.RURAL: 0.06,
        Cover.TRAFFIC: 0.03,
        Cover.PADDY: 0.07,
        Cover.IRRIGATED: 0.11,
        Cover.DRY_CROP: 0.08,
        Cover.ORCHARD: 0.06,
        Cover.WOODLAND: 0.08,
        Cover.SHRUB: 0.06,
        Cover.GRASSLAND: 0.06,
        Cover.LAWN: 0.06,
        Cover.LAKE: 0.06,
        Cover.POND: 0.06,
        Cover.BARE: 0.04,
    },
    zone=260.0,
    river=1.0,
    river_width=(90.0, 190.0),
    highways=2,
    lanes=3,
)

SET = GaofenSet(
    name="gid15",
    scenes=SCENES,
    shapes={"default": (530, 1040), "small": (530, 560)},
    recipe=RECIPE,
    legend=LEGEND,
    colours=COLOURS,
    label_folder="label_15classes",
    slanting=5,
    left_out=0.5,
    deep=1,
)

GID15 = Miniature("gid15", "GID-15 (fine land-cover classification)", "GID/Fine Land-cover Classification_15classes", SET.write)
