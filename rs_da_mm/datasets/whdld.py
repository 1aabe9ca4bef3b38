"""The Wuhan Dense Labeling Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rs_da_mm.datasets.base import SceneWindowDataset
from rs_da_mm.registry import DATASETS


@DATASETS.register_module()
class WHDLDDataset(SceneWindowDataset):
    """WHDLD: 4,940 images of 256 x 256 pixels, 2 m, of Wuhan, in six classes.

    Layout, as published::

        WHDLD/
            Images/wh0001.jpg       red, green, blue, 8 bit
            ImagesPNG/wh0001.png    numbers 1 to 6 (0 is unlabelled, and ignored), or colours

    Each image is one sample: 2964, 988 and 988 at 60/20/20. The images were cut from larger scenes that nothing names, so a
    blocked split keeps runs of images in the order of their names together (``block=50``).

    Z. Shao et al., "Performance evaluation of single-label and multi-label remote sensing image retrieval using a dense labeling
    dataset", Remote Sensing 10(6), 2018.

    Arguments: see :class:`~rs_da_mm.datasets.base.SceneWindowDataset`.
    """

    METAINFO: ClassVar[dict[str, Any]] = {
        "classes": ("building", "road", "pavement", "vegetation", "bare soil", "water"),
        "palette": [(255, 0, 0), (255, 255, 0), (192, 192, 0), (0, 255, 0), (128, 128, 128), (0, 0, 255)],
    }
    DEFAULT_ROOT = "data/WHDLD"
    IMAGE_DIR = "Images"
    LABEL_DIR = "ImagesPNG"
    IMAGE_SUFFIXES: ClassVar[Sequence[str]] = (".jpg",)
    LABEL_SUFFIXES: ClassVar[Sequence[str]] = (".png",)
    IGNORED_COLOURS: ClassVar[Sequence[tuple[int, int, int]]] = ((0, 0, 0),)
    LABEL_VALUES: ClassVar[Mapping[int, int]] = {0: 255, 1: 0, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5}
    BANDS: ClassVar[Mapping[str, Sequence[str]]] = {"Images": ("red", "green", "blue")}
    NUMBERED_PATCHES = True
    SAMPLE_NAME = "whdld"
