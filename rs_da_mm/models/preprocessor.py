"""From packed samples of any band count and bit depth to a normalised batch that knows which pixels hold data."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
import torch.nn.functional as F
from mmengine.model import BaseDataPreprocessor
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor

from rs_da_mm.errors import InputError
from rs_da_mm.registry import MODELS

_LABEL_MAPS = ("gt_sem_seg", "gt_edge_map", "gt_depth_map")
"""What mmseg's heads read of a sample, pixel by pixel with the image."""


@MODELS.register_module()
class RSDataPreprocessor(BaseDataPreprocessor):
    """Normalise, mark what is not data, pad and stack.

    ``(image - mean) / std`` per band in float32; then every invalid pixel is 0, which is the mean, in all bands, and its label
    is ``seg_pad_val``, in training and in testing. Invalid is what a sample's ``valid_mask`` does not hold 1 for, and what is
    not finite in any band. Images travel to the device as they were packed (uint8 stays one byte) and become float there.

    Samples of different sizes are padded on the right and at the bottom to the batch's largest, to at least ``size``, and on to
    a multiple of ``size_divisor``. At test time labels keep their size and the padding is noted as ``img_padding_size``, by
    which mmseg cuts the prediction back. Samples that come in are not changed.

    Args:
        mean: Mean per band, in the image's own units; one value stands for all bands. ``None``: the image as it is.
        std: Standard deviation per band, likewise; above 0.
        bands: How many bands an image must have, or their names. Needed only where the length of ``mean`` does not say it.
        pad_val: What padding holds, after normalisation (0 is the mean).
        seg_pad_val: The label of padding and of invalid pixels.
        size: Least size of a batch, ``(height, width)`` or one number for both.
        size_divisor: The batch's height and width are multiples of it.
        test_cfg: ``size`` and ``size_divisor`` at test time; ``None`` takes those of training.
        channels_last: Give the batch in channels-last memory format.
        non_blocking: Don't wait for copies from pinned memory.

    Raises:
        InputError: When the arguments contradict each other.
    """

    mean: Tensor | None
    std: Tensor | None

    def __init__(
        self,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        bands: int | Sequence[str] | None = None,
        pad_val: float = 0.0,
        seg_pad_val: int = 255,
        size: int | Sequence[int] | None = None,
        size_divisor: int | None = None,
        test_cfg: Mapping[str, Any] | None = None,
        channels_last: bool = False,
        non_blocking: bool = True,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        if (mean is None) != (std is None):
            raise InputError("RSDataPreprocessor: `mean` and `std` come together, but only one was given")
        means, stds = _per_band("mean", mean), _per_band("std", std)
        if means is not None and stds is not None:
            if len(means) != len(stds) and 1 not in (len(means), len(stds)):
                raise InputError(
                    f"RSDataPreprocessor: `mean` has {len(means)} values and `std` has {len(stds)}: give one per band"
                )
            if not all(value > 0 for value in stds):
                raise InputError(
                    f"RSDataPreprocessor: `std` is {stds}, but every value must be above 0 (a constant band has no std)"
                )
        self.register_buffer("mean", None if means is None else torch.tensor(means).view(-1, 1, 1), persistent=False)
        self.register_buffer("std", None if stds is None else torch.tensor(stds).view(-1, 1, 1), persistent=False)
        self.bands = _band_count(bands, means, stds)
        self.pad_val = pad_val
        self.seg_pad_val = seg_pad_val
        self.size = _pair(size)
        self.size_divisor = size_divisor
        self.test_cfg = dict(test_cfg) if test_cfg else None
        self.channels_last = channels_last

    def forward(self, data: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """Turn what the data loader collated into what the model takes.

        Args:
            data: ``inputs``, (N, C, H, W) or a list of (C, H, W) of any dtype, and optionally ``data_samples``, one per image.
            training: Whether labels are padded along with the images.

        Returns:
            ``inputs``, (N, C, H, W) float32 on the module's device, and ``data_samples``.

        Raises:
            InputError: When an image has another number of bands than expected, or a mask or label another size; it names the
                file.
        """
        data = cast(Mapping[str, Any], self.cast_data(data))
        images: list[Tensor] = list(data["inputs"])
        samples: list[SegDataSample] | None = data.get("data_samples")
        self._check_bands(images, samples)
        height, width = self._batch_size(images, training)
        inputs, valid = self._stack(images, samples, height, width)
        if samples is None and any(image.shape[-2:] != (height, width) for image in images):
            samples = [SegDataSample() for _ in images]
        for index, sample in enumerate(samples or []):
            size = (int(images[index].shape[-2]), int(images[index].shape[-1]))
            self._describe(sample, size, (height, width), training)
            self._mark_labels(sample, valid[index], size, training)
        return {"inputs": inputs, "data_samples": samples}

    def _check_bands(self, images: list[Tensor], samples: list[SegDataSample] | None) -> None:
        """One number of bands in the whole batch, and the one that the config says."""
        expected = images[0].shape[0] if self.bands is None else self.bands
        for index, image in enumerate(images):
            if image.shape[0] != expected:
                why = "as the first image of its batch has" if self.bands is None else "as `mean`, `std` or `bands` say"
                raise InputError(
                    f"{_name(samples, index)}: the image has {image.shape[0]} bands, but the data preprocessor expects "
                    f"{expected}, {why}. Choose bands with LoadRaster(bands=[...]), or give `mean` and `std` {image.shape[0]} "
                    f"values and the model in_channels={image.shape[0]}"
                )

    def _batch_size(self, images: list[Tensor], training: bool) -> tuple[int, int]:
        """Height and width that every image is padded to."""
        size, divisor = self.size, self.size_divisor
        if not training and self.test_cfg is not None:
            size, divisor = _pair(self.test_cfg.get("size")), self.test_cfg.get("size_divisor")
        height = max(int(image.shape[-2]) for image in images)
        width = max(int(image.shape[-1]) for image in images)
        if size is not None:
            height, width = max(height, size[0]), max(width, size[1])
        if divisor is not None:
            height, width = math.ceil(height / divisor) * divisor, math.ceil(width / divisor) * divisor
        return height, width

    def _stack(self, images: list[Tensor], samples: list[SegDataSample] | None, height: int, width: int) -> tuple[Tensor, Tensor]:
        """The normalised batch, and (N, 1, height, width) booleans that are true where there is data.

        Each image is converted, laid out and put in its place by one copy; the rest happens in the batch's own memory.
        """
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        shape = (len(images), int(images[0].shape[0]), height, width)
        batch = torch.empty(shape, dtype=torch.float32, device=self.device, memory_format=layout)
        valid = torch.zeros((len(images), 1, height, width), dtype=torch.bool, device=self.device)
        padding = torch.ones_like(valid) if self.pad_val else None
        for index, image in enumerate(images):
            rows, columns = image.shape[-2:]
            batch[index, :, :rows, :columns] = image
            valid[index, 0, :rows, :columns] = self._valid(image, samples, index)
            if padding is not None:
                padding[index, 0, :rows, :columns] = False
        if self.mean is not None and self.std is not None:
            batch.sub_(self.mean).div_(self.std)
        batch.masked_fill_(~valid, 0.0)
        if padding is not None:
            batch.masked_fill_(padding, self.pad_val)
        return batch, valid

    def _valid(self, image: Tensor, samples: list[SegDataSample] | None, index: int) -> Tensor | bool:
        """Where one image holds data: (H, W) booleans, or ``True`` for everywhere."""
        finite = torch.isfinite(image).all(dim=0) if image.is_floating_point() else True
        if samples is None or "valid_mask" not in samples[index]:
            return finite
        mask = samples[index].valid_mask.data
        if mask.shape[-2:] != image.shape[-2:]:
            raise InputError(
                f"{_name(samples, index)}: the valid mask is {_size(mask)} and the image {_size(image)} pixels: a transform of "
                "the pipeline moved one without the other. Use the geometric transforms of rs_da_mm, or mmseg's that know "
                "`seg_fields`"
            )
        return (mask[0] == 1) & finite

    def _describe(self, sample: SegDataSample, size: tuple[int, int], padded: tuple[int, int], training: bool) -> None:
        """Tell mmseg where the image lies in the batch, in plain tuples (it takes a ``torch.Size`` for slide inference)."""
        padding = (0, padded[1] - size[1], 0, padded[0] - size[0])
        described = {"img_shape": size, "pad_shape": padded, "padding_size": padding}
        if not training:
            described["img_padding_size"] = padding
        if "ori_shape" not in sample.metainfo:
            described["ori_shape"] = size
        sample.set_metainfo(described)

    def _mark_labels(self, sample: SegDataSample, valid: Tensor, size: tuple[int, int], training: bool) -> None:
        """Give a sample new label maps: ignored where there is no data, and in training padded with the image."""
        height, width = size
        own = valid[:, :height, :width]
        for name in _LABEL_MAPS:
            if name not in sample:
                continue
            label = getattr(sample, name).data
            if not label.is_floating_point():
                label = label.long()
            if training and label.shape[-2:] != size:
                raise InputError(
                    f"{sample.metainfo.get('img_path', 'a sample')}: {name} is {_size(label)} and the image {_size(own)} "
                    "pixels: a transform of the pipeline moved one without the other"
                )
            label = label.masked_fill(~_fitted(own, label), self.seg_pad_val)
            setattr(sample, name, PixelData(data=self._padded(label, valid) if training else label))
        sample.valid_mask = PixelData(data=(valid if training else own).to(torch.uint8))

    def _padded(self, label: Tensor, valid: Tensor) -> Tensor:
        bottom, right = valid.shape[-2] - label.shape[-2], valid.shape[-1] - label.shape[-1]
        if not bottom and not right:  # F.pad would copy
            return label
        return F.pad(label, (0, right, 0, bottom), value=self.seg_pad_val)


def _per_band(name: str, values: float | Sequence[float] | None) -> list[float] | None:
    if values is None:
        return None
    listed = [float(value) for value in values] if isinstance(values, Sequence) else [float(values)]
    if not listed or not all(math.isfinite(value) for value in listed):
        raise InputError(f"RSDataPreprocessor: `{name}` is {values}, but must hold one finite number per band")
    return listed


def _band_count(bands: int | Sequence[str] | None, *per_band: list[float] | None) -> int | None:
    """How many bands an image must have, or ``None`` where any number will do."""
    lengths = {len(values) for values in per_band if values is not None} - {1}
    if bands is not None:
        lengths.add(bands if isinstance(bands, int) else len(bands))
    if len(lengths) > 1:
        raise InputError(
            f"RSDataPreprocessor: `bands` is {bands}, but `mean` or `std` have another number of values: {sorted(lengths)}"
        )
    return lengths.pop() if lengths else None


def _pair(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if size is None:
        return None
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def _fitted(valid: Tensor, label: Tensor) -> Tensor:
    """A mask at a label's size: they differ at test time, when the pipeline resized the image and left the label."""
    if valid.shape[-2:] == label.shape[-2:]:
        return valid
    resized = F.interpolate(valid[None].to(torch.float32), size=label.shape[-2:], mode="nearest-exact")
    return resized[0] > 0


def _name(samples: list[SegDataSample] | None, index: int) -> str:
    if samples is None:
        return f"image {index} of the batch"
    return str(samples[index].metainfo.get("img_path") or f"image {index} of the batch")


def _size(array: Tensor) -> str:
    return f"{array.shape[-2]} x {array.shape[-1]}"
