"""What is known about the images that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn

from rs_da_mm.datasets.image_scales import ImageScale
from rs_da_mm.engine.checkpoints.published import Bands, PublishedModel
from rs_da_mm.engine.config_facts import bands_in_config, image_scale
from rs_da_mm.raster import PixelSize


@dataclass(frozen=True)
class TrainedOn:
    """What a model was trained to see; each is ``None`` where nobody wrote it down.

    Attributes:
        bands: How many bands, their names and their places in the training scenes.
        pixel_size: Of the training scenes, in metres where their CRS is projected.
        pixel_size_range: The smallest and largest side of a pixel in them, in the same unit.
        mean: What the data preprocessor subtracts, per band in a file's order; in the units of the files.
        std: What it divides by, likewise.
        dtype: NumPy dtype of the training scenes' files.
        miniature: Whether the training data was synthetic.
        scale: How stored values became those that the model was given; ``None`` also where it was given them as they are stored.
    """

    bands: Bands | None = None
    pixel_size: PixelSize | None = None
    pixel_size_range: tuple[float, float] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    dtype: str | None = None
    miniature: bool | None = None
    scale: ImageScale | None = None

    def report(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        size, scale = self.pixel_size, self.scale
        return asdict(self) | {
            "pixel_size": None if size is None else size._asdict(),
            "scale": None if scale is None else scale.parameters(),
        }


Normalisation = tuple[tuple[float, ...] | None, tuple[float, ...] | None]


def trained_on_published(model: PublishedModel, normalisation: Normalisation) -> TrainedOn:
    """Take what a published file says.

    Args:
        model: The file's content.
        normalisation: Mean and standard deviation, see :func:`file_order_normalisation`.
    """
    return TrainedOn(
        bands=model.bands,
        pixel_size=model.pixel_size,
        pixel_size_range=model.pixel_size_range,
        mean=normalisation[0],
        std=normalisation[1],
        dtype=None if model.bands is None else model.bands.dtype,
        miniature=model.from_miniature if model.training_data else None,
        scale=image_scale(model.config),
    )


def trained_on_checkpoint(meta: Any, config: Mapping[str, Any], normalisation: Normalisation) -> TrainedOn:
    """Take what the training left in its checkpoint, and for the bands, where it left nothing, what the config says.

    Args:
        meta: ``checkpoint['meta']``. What is not as :class:`rs_da_mm.engine.hooks.RunRecordHook` writes it counts as unknown.
        config: The config.
        normalisation: Mean and standard deviation, see :func:`file_order_normalisation`.
    """
    records = _training_records(meta)
    bands = next((found for found in map(_bands, records) if found), None) or bands_in_config(config, normalisation[0])
    size, span = next((found for found in map(_pixel_size, records) if found), (None, None))
    return TrainedOn(
        bands=bands,
        pixel_size=size,
        pixel_size_range=span,
        mean=normalisation[0],
        std=normalisation[1],
        dtype=None if bands is None else bands.dtype,
        miniature=any(bool(record.get("miniature")) for record in records) if records else None,
        scale=image_scale(config),
    )


def file_order_normalisation(preprocessor: nn.Module, order: Sequence[int] | None) -> Normalisation:
    """Read mean and standard deviation from a data preprocessor, for the bands as a file has them.

    Args:
        preprocessor: mmseg's or ours.
        order: The places in the file of the bands that it is given, see
            :func:`~rs_da_mm.engine.config_facts.band_order`.

    Returns:
        Both, one value per band or one for all; ``None`` where it does not normalise.
    """
    found = [getattr(preprocessor, name, None) for name in ("mean", "std")]
    mean, std = (tuple(value.flatten().tolist()) if isinstance(value, Tensor) else None for value in found)
    if mean is None or std is None:
        return None, None
    swaps = swaps_channels(preprocessor) and len(mean) == 3  # it leaves other numbers of bands alone
    if swaps == (order is not None):  # its swap makes the loader's good
        return mean, std
    return (*mean[2::-1], *mean[3:]), (*std[2::-1], *std[3:])


def swaps_channels(preprocessor: nn.Module) -> bool:
    """Tell whether a data preprocessor of mmseg or mmengine swaps the first and the last of three channels."""
    names = ("channel_conversion", "_channel_conversion")  # mmsegmentation's, and that of mmengine, on which OneDL's builds
    return any(bool(getattr(preprocessor, name, False)) for name in names)


def _training_records(meta: Any) -> list[Mapping[str, Any]]:
    found = meta
    for key in ("run_record", "datasets", "train"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return [record for record in found if isinstance(record, Mapping)] if isinstance(found, list | tuple) else []


def _bands(record: Mapping[str, Any]) -> Bands | None:
    try:
        bands = record["bands"]
        choice, count, dtype = bands["choice"], bands["count"], bands["dtype"]
        names = tuple(map(str, bands["names"]))
        return Bands(None if count is None else int(count), names, None if choice is None else tuple(choice), dtype)
    except (KeyError, TypeError, ValueError):
        return None


def _pixel_size(record: Mapping[str, Any]) -> tuple[PixelSize, tuple[float, float]] | None:
    try:
        size = record["pixel_size"]
        smallest, largest = size["range"]
        return PixelSize(float(size["width"]), float(size["height"]), str(size["unit"])), (float(smallest), float(largest))
    except (KeyError, TypeError, ValueError):
        return None
