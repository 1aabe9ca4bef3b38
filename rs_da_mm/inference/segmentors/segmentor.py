"""A trained segmentor as a dense model: pixels in, probabilities of classes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from numpy.typing import NDArray
from torch import Tensor, nn

from rs_da_mm.datasets.transforms import StretchTo8Bit
from rs_da_mm.inference.outputs.classes import MapClasses
from rs_da_mm.inference.segmentors.dihedral_tta import dihedral, inverse_dihedral
from rs_da_mm.inference.segmentors.segmentor_options import SegmentorOptions
from rs_da_mm.inference.segmentors.trained_on import TrainedOn

_SYMMETRIES = 8


@dataclass(frozen=True, eq=False)
class Segmentor:
    """A segmentor made ready by :func:`~rs_da_mm.inference.segmentors.load_segmentor.load_segmentor`; call it with a batch.

    Attributes:
        network: The segmentor, with its weights, in evaluation mode.
        options: How it computes; device and precision are settled.
        classes: The classes of its map.
        trained_on: What it was trained to see.
        sha256: Hash of the weights, as they were before blocks were folded.
        config_sha256: Hash of the settings that the model was built from.
        crop: Height and width of the images that it was trained on; ``None`` where unknown.
        threshold: Of a model with one output channel: above which probability of the second class mmseg's decode head decides for
            that class. ``None`` for others, where the most probable class wins.
        band_order: Places in the file of the bands that the data preprocessor is given; ``None`` for the file's order.
        stretch: What the pipeline did to values before the data preprocessor.
    """

    network: nn.Module
    options: SegmentorOptions
    classes: MapClasses
    trained_on: TrainedOn
    sha256: str
    config_sha256: str
    crop: tuple[int, int] | None = None
    threshold: float | None = None
    band_order: tuple[int, ...] | None = None
    stretch: StretchTo8Bit | None = None

    @torch.inference_mode()
    def __call__(self, pixels: NDArray[Any], valid: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Compute a batch.

        Args:
            pixels: ``(N, h, w, bands)`` in the scene's dtype, bands in the file's order.
            valid: ``(N, h, w)``, 1 where there is data. :class:`rs_da_mm.models.preprocessor.RSDataPreprocessor` sets all else to
                the mean; mmseg's data preprocessor takes pixels as they are, as it did in training.

        Returns:
            Probabilities ``(N, classes, h, w)``, which sum to 1 over the classes.

        Raises:
            InputError: When the bands are not as many as the model takes.
        """
        height, width = valid.shape[1:]
        inputs = self._preprocess(pixels, valid)
        dtype, device_type = self.options.dtype, inputs.device.type
        with torch.autocast(device_type, dtype=dtype, enabled=dtype is not torch.float32):
            if not self.options.tta:
                return _array(self._probabilities(inputs)[..., :height, :width])
            total = self._probabilities(inputs)
            for index in range(1, _SYMMETRIES):
                total += inverse_dihedral(self._probabilities(dihedral(inputs, index)), index)
        return _array(total[..., :height, :width].div(_SYMMETRIES))

    def identity(self) -> dict[str, Any]:
        """Give all that its numbers depend on, as JSON can hold it."""
        options = self.options
        return {
            "weights_sha256": self.sha256,
            "config_sha256": self.config_sha256,
            "precision": options.precision,
            "device": torch.device(options.device or "cpu").type,
            "deploy": options.deploy,
            "channels_last": options.channels_last,
            "compile": options.compile,
            "tta": options.tta,
            "band_order": None if self.band_order is None else list(self.band_order),
            "stretch": None if self.stretch is None else repr(self.stretch),
            "scale": None if self.trained_on.scale is None else self.trained_on.scale.parameters(),
            "torch": torch.__version__,
        }

    def in_float32(self) -> Segmentor:
        """The same network, weights included, that computes in float32."""
        return replace(self, options=replace(self.options, precision="float32"))

    def _preprocess(self, pixels: NDArray[Any], valid: NDArray[np.uint8]) -> Tensor:
        """Hand a batch to the model's data preprocessor as a data loader would; views of it all the way, up to its own copy."""
        if self.band_order is not None and pixels.shape[-1] == len(self.band_order):
            pixels = pixels[..., self.band_order]
        if self.stretch is not None:
            pixels = _stretched(self.stretch, pixels, valid)
        images = _on_device(pixels, self.options.device).permute(0, 3, 1, 2)
        masks = _on_device(valid, self.options.device)[:, None]
        samples = [SegDataSample(valid_mask=PixelData(data=mask)) for mask in masks]
        preprocess: Any = self.network.data_preprocessor
        inputs: Tensor = preprocess({"inputs": list(images), "data_samples": samples}, False)["inputs"]
        return inputs.contiguous(memory_format=torch.channels_last) if self.options.channels_last else inputs

    def _probabilities(self, inputs: Tensor) -> Tensor:
        size = (int(inputs.shape[-2]), int(inputs.shape[-1]))
        described = {"img_shape": size, "ori_shape": size, "pad_shape": size, "padding_size": (0, 0, 0, 0)}
        network: Any = self.network
        # Not `inference`, which would cut windows of its own where the config says `mode='slide'`.
        logits: Tensor = network.encode_decode(inputs, [dict(described) for _ in range(len(inputs))])
        logits = logits.to(torch.float32, memory_format=torch.contiguous_format)  # as the scores leave: one pass for both
        if logits.shape[1] > 1:
            return logits.softmax(dim=1)
        second = logits.sigmoid()
        return torch.cat([1 - second, second], dim=1)


def _on_device(array: NDArray[Any], device: str | None) -> Tensor:
    return torch.from_numpy(array if array.flags.writeable else array.copy()).to(device or "cpu")


def _stretched(stretch: StretchTo8Bit, pixels: NDArray[Any], valid: Sequence[Any] | NDArray[np.uint8]) -> NDArray[np.uint8]:
    images = zip(pixels, valid, strict=True)
    return np.stack([stretch.transform({"img": image, "valid_mask": mask})["img"] for image, mask in images])


def _array(scores: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = scores.cpu().numpy()
    return array
