"""The Gaofen Image Dataset: large-scale classification in 5 classes, and fine classification in 15."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rs_da_mm.datasets.base import SceneWindowDataset
from rs_da_mm.registry import DATASETS

_BANDS = {
    "image_RGB": ("red", "green", "blue"),
    "image_NirRGB": ("nir", "red", "green", "blue"),
    "image_8bit_NirRGB": ("nir", "red", "green", "blue"),
    "image_16bit_NirRGB": ("nir", "red", "green", "blue"),
}


@DATASETS.register_module()
class GIDDataset(SceneWindowDataset):
    """GID, large-scale classification: 150 Gaofen-2 scenes of 6800 x 7200 pixels, 4 m, in five classes and "others".

    Layout, as published::

        Large-scale Classification_5classes/
            image_RGB/GF2_PMS1__L1A0000647767-MSS1.tif              red, green, blue, 8 bit
            image_NirRGB/GF2_PMS1__L1A0000647767-MSS1.tif           near infrared, red, green, blue (image_dir='image_NirRGB')
            label_5classes/GF2_PMS1__L1A0000647767-MSS1_label.tif   colours; also named …_5label.tif

    Windows of 256 with the rest dropped are 28 x 26 = 728 to a scene, 10,920 over the 15 scenes of the MACU-Net paper
    (``scenes='paper'``): 6552, 2184 and 2184 at 60/20/20. "Others" (black) is a class like any other.

    X.-Y. Tong et al., "Land-cover classification with high-resolution remote sensing images using transferable deep models",
    Remote Sensing of Environment 237, 2020.

    Arguments: see :class:`~rs_da_mm.datasets.base.SceneWindowDataset`.
    """

    METAINFO: ClassVar[dict[str, Any]] = {
        "classes": ("others", "built-up", "farmland", "forest", "meadow", "water"),
        "palette": [(0, 0, 0), (255, 0, 0), (0, 255, 0), (0, 255, 255), (255, 255, 0), (0, 0, 255)],
    }
    PAPER_SCENES: ClassVar[tuple[str, ...]] = (
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
    """The 15 scenes of the MACU-Net paper, listed in the authors' repository."""

    DEFAULT_ROOT = "data/GID/Large-scale Classification_5classes"
    IMAGE_DIR = "image_RGB"
    LABEL_DIR = "label_5classes"
    LABEL_SUFFIXES: ClassVar[Sequence[str]] = ("_label.tif", "_5label.tif")
    BANDS: ClassVar[Mapping[str, Sequence[str]]] = _BANDS
    SCENE_LISTS: ClassVar[Mapping[str, Sequence[str]]] = {"paper": PAPER_SCENES}
    WINDOW_SIZE = 256
    SAMPLE_NAME = "gid"


@DATASETS.register_module()
class GID15Dataset(SceneWindowDataset):
    """GID, fine classification: 10 Gaofen-2 scenes of 6800 x 7200 pixels, 4 m, in 15 classes; black is unknown, and ignored.

    Layout, as published::

        Fine Land-cover Classification_15classes/
            image_RGB/GF2_PMS1__L1A0001064454-MSS1.tif               red, green, blue, 8 bit
            image_NirRGB/GF2_PMS1__L1A0001064454-MSS1.tif            near infrared, red, green, blue (image_dir='image_NirRGB')
            label_15classes/GF2_PMS1__L1A0001064454-MSS1_label.tif   colours; also named …_15label.tif

    Windows of 256 with more than 80 % unknown are left out (``max_ignored=1`` keeps them all).

    X.-Y. Tong et al., "Land-cover classification with high-resolution remote sensing images using transferable deep models",
    Remote Sensing of Environment 237, 2020.

    Arguments: see :class:`~rs_da_mm.datasets.base.SceneWindowDataset`.
    """

    METAINFO: ClassVar[dict[str, Any]] = {
        "classes": (
            "industrial land",
            "urban residential",
            "rural residential",
            "traffic land",
            "paddy field",
            "irrigated land",
            "dry cropland",
            "garden plot",
            "arbor woodland",
            "shrub land",
            "natural grassland",
            "artificial grassland",
            "river",
            "lake",
            "pond",
        ),
        "palette": [
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
        ],
    }
    DEFAULT_ROOT = "data/GID/Fine Land-cover Classification_15classes"
    IMAGE_DIR = "image_RGB"
    LABEL_DIR = "label_15classes"
    LABEL_SUFFIXES: ClassVar[Sequence[str]] = ("_label.tif", "_15label.tif")
    IGNORED_COLOURS: ClassVar[Sequence[tuple[int, int, int]]] = ((0, 0, 0),)
    BANDS: ClassVar[Mapping[str, Sequence[str]]] = _BANDS
    WINDOW_SIZE = 256
    MAX_IGNORED = 0.8
    SAMPLE_NAME = "gid15"
