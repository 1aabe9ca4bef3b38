"""What a config says about how its model saw images in training; read as data, nothing of it is built."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.logging import print_log

from rs_da_mm.datasets.image_scales import ImageScale
from rs_da_mm.datasets.transforms import StretchTo8Bit
from rs_da_mm.engine.checkpoints.published import Bands

_CROPS = {"RandomCrop": "crop_size", "RandomWindowCrop": "size"}
_SWAPPING_BACKENDS = ("cv2", "turbojpeg", "pillow")
_NOT_OF_VALUES = frozenset(
    (
        *("LoadImageFromFile", "LoadSingleRSImageFromFile", "LoadRaster", "LoadAnnotations", "LoadRasterLabel", "LoadHeight"),
        *("Resize", "ResizeToMultiple", "ResizeShortestEdge", "RandomFlip", "PadToSize", "Pad", "CenterCrop", "TestTimeAug"),
        *("PackSegInputs", "PackRSInputs", "Collect", "LoadDepthAnnotation"),
    )
)
"""Steps of a test pipeline that leave values of pixels as they are."""

Step = Mapping[str, Any]


def dataset_settings(config: Mapping[str, Any], part: str) -> Mapping[str, Any] | None:
    """Find the settings of a part's data set; of wrapped or joined ones, the first.

    Args:
        config: The config.
        part: ``'train'``, ``'val'`` or ``'test'``.
    """
    found: Any = (config.get(f"{part}_dataloader") or {}).get("dataset")
    while isinstance(found, Mapping):
        inner = found.get("dataset") or next(iter(found.get("datasets") or ()), None)
        if inner is None:
            return found
        found = inner
    return None


def crop_size(config: Mapping[str, Any]) -> tuple[int, int] | None:
    """Tell how large the images were that the model was trained on.

    Returns:
        Height and width that the training pipeline cuts out, else the ``window_size`` of the training data set; ``None`` where
        the config has neither.
    """
    for step in _pipeline(config, ("train",)):
        key = _CROPS.get(_name(step))
        if key is not None and step.get(key) is not None:
            return _pair(step[key])
    dataset = dataset_settings(config, "train")
    size = None if dataset is None else dataset.get("window_size")
    return None if size is None else _pair(size)


def band_order(config: Mapping[str, Any], swaps_channels: bool, bands: int | None) -> tuple[int, ...] | None:
    """Tell in which order the model's data preprocessor expects the bands of a file.

    mmcv's image loader gives blue, green, red; loaders of rasters keep the file's order.

    Args:
        config: The config.
        swaps_channels: Whether the data preprocessor swaps the first and the last of three channels (``bgr_to_rgb``). Where the
            config has no pipeline, a swap means that images were loaded as blue, green, red.
        bands: How many bands the model takes; three where it is not known.

    Returns:
        Places in the file, counted from 0; ``None`` where the order is the file's.
    """
    steps = _pipeline(config, ("test", "val", "train"))
    loader = next((step for step in steps if _name(step).startswith("Load") and "Image" in _name(step)), None)
    colour = bands in (None, 3)
    if loader is None:
        own = any(_name(step) == "LoadRaster" for step in steps)
        return (2, 1, 0) if swaps_channels and colour and not own else None
    if _name(loader) != "LoadImageFromFile" or loader.get("imdecode_backend", "cv2") not in _SWAPPING_BACKENDS:
        return None
    if bands == 4 and loader.get("color_type") == "unchanged":
        return (2, 1, 0, 3)
    return (2, 1, 0) if colour else None


def stretch_step(config: Mapping[str, Any]) -> StretchTo8Bit | None:
    """Make the test pipeline's stretch to 8 bit, where it has one; warn of steps that change values and are not known here."""
    stretch = None
    for step in _pipeline(config, ("test", "val")):
        name = _name(step)
        if name == "StretchTo8Bit":
            stretch = StretchTo8Bit(**{key: step[key] for key in ("percentiles", "limits") if step.get(key) is not None})
        elif name not in _NOT_OF_VALUES:
            print_log(
                f"The config's test pipeline has the step {name}, which is not applied to scenes: the map will be wrong if it "
                "changes the values of pixels.",
                "current",
                logging.WARNING,
            )
    return stretch


def image_scale(config: Mapping[str, Any]) -> ImageScale | None:
    """Tell on which scale the training data set reads its images; ``None`` where values are as they are stored.

    Raises:
        DatasetError: When the config's scale is none.
    """
    dataset = dataset_settings(config, "train") or {}
    return ImageScale.parse(dataset.get("scale"), dataset.get("offset"))


def bands_in_config(config: Mapping[str, Any], mean: Sequence[float] | None) -> Bands | None:
    """What a config alone says of the bands.

    Args:
        config: The config.
        mean: The data preprocessor's mean per band.
    """
    count = len(mean) if mean is not None and len(mean) > 1 else (config["model"].get("backbone") or {}).get("in_channels")
    if not isinstance(count, int):
        return None
    loaders = [step for step in _pipeline(config, ("train", "test")) if _name(step) == "LoadRaster"]
    dataset = dataset_settings(config, "train") or {}
    choice = next((step["bands"] for step in loaders if step.get("bands")), dataset.get("bands"))
    names = tuple(band for band in choice or () if isinstance(band, str))
    return Bands(count, names if len(names) == count else (), None if choice is None else tuple(choice), None)


def _pipeline(config: Mapping[str, Any], parts: Sequence[str]) -> list[Step]:
    """The pipeline of the first of some parts that has one."""
    for part in parts:
        dataset = dataset_settings(config, part)
        for steps in (None if dataset is None else dataset.get("pipeline"), config.get(f"{part}_pipeline")):
            if steps:
                return list(_flat(steps))
    return []


def _flat(steps: Sequence[Any]) -> Iterator[Step]:
    """The steps, those inside others (``RandomApply``, ``TransformBroadcaster``) included."""
    for step in steps:
        if isinstance(step, Mapping) and "type" in step:
            yield step
            inner = step.get("transforms")
            if isinstance(inner, list | tuple):
                yield from _flat(inner)
        elif isinstance(step, list | tuple):
            yield from _flat(step)


def _name(step: Step) -> str:
    """A step's name without its scope; a class may stand there itself."""
    named = step["type"]
    return str(named if isinstance(named, str) else getattr(named, "__name__", named)).rpartition(".")[2]


def _pair(size: Any) -> tuple[int, int]:
    return (int(size), int(size)) if isinstance(size, int | float) else (int(size[0]), int(size[1]))
