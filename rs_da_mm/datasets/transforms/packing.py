"""The last step of a pipeline: arrays become tensors and a data sample that mmseg's models and metrics read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from numpy.typing import NDArray
from torch import Tensor

from rs_da_mm.errors import InputError
from rs_da_mm.registry import TRANSFORMS

META_KEYS = (
    "img_path",
    "seg_map_path",
    "ori_shape",
    "img_shape",
    "pad_shape",
    "scale_factor",
    "flip",
    "flip_direction",
    "reduce_zero_label",
    "window",
    "scene",
    "bands",
)
"""What of a sample goes into ``data_sample.metainfo``, where it is there."""

_TORCH_HOLDS = frozenset({"uint8", "int8", "int16", "int32", "int64", "float16", "float32"})
_HELD_BY = {"uint16": np.int32, "uint32": np.int64, "float64": np.float32, "bool": np.uint8}


def to_packed_dtype(array: NDArray[Any]) -> NDArray[Any]:
    """Convert an image to the smallest dtype that torch fully supports and that holds its values (float64 to float32).

    Raises:
        InputError: When there is none, as for complex numbers.
    """
    if array.dtype.name in _TORCH_HOLDS:
        return array
    held_by = _HELD_BY.get(array.dtype.name)
    if held_by is None:
        raise InputError(f"an image of dtype {array.dtype} cannot become a tensor; convert it to float32 before")
    return array.astype(held_by)


@TRANSFORMS.register_module()
class PackRSInputs(BaseTransform):
    """Pack a sample of any band count and dtype as ``inputs`` and ``data_samples``.

    ``inputs`` is the image, (bands, H, W), in its own dtype or the next one that torch supports (uint16 becomes int32); turning
    it into float is the data preprocessor's, on the model's device. The ``SegDataSample`` holds, as ``PixelData`` of (1, H, W):
    ``gt_sem_seg``, ``valid_mask`` (uint8, 1 where there is data), mmseg's ``gt_edge_map`` and ``gt_depth_map``.

    Args:
        meta_keys: What goes into the metainfo.
        label_dtype: ``'uint8'`` for :class:`rs_da_mm.models.preprocessor.RSDataPreprocessor`, which makes it int64 on the device;
            ``'int64'`` for mmseg's own preprocessor, whose losses need it.

    Raises:
        InputError: While packing: when a map's size is not the image's, since a transform moved one without the other.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS, label_dtype: Literal["uint8", "int64"] = "uint8") -> None:
        super().__init__()
        self.meta_keys = tuple(meta_keys)
        self.label_dtype = np.dtype(label_dtype)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack a sample.

        Args:
            results: ``img`` (H, W, bands) or (H, W), and what maps there are.

        Returns:
            ``inputs`` and ``data_samples``.
        """
        image = results["img"] if results["img"].ndim == 3 else results["img"][..., None]
        bands_first = np.ascontiguousarray(to_packed_dtype(image).transpose(2, 0, 1))
        sample = SegDataSample()
        for key, name, dtype in (
            ("gt_seg_map", "gt_sem_seg", self.label_dtype),
            ("gt_edge_map", "gt_edge_map", self.label_dtype),
            ("gt_depth_map", "gt_depth_map", np.dtype(np.float32)),
        ):
            if results.get(key) is not None:
                setattr(sample, name, PixelData(data=_to_tensor(results[key].astype(dtype, copy=False))))
        if results.get("valid_mask") is not None:
            self._check_size(results, image)
            # mmseg's transforms fill a mask with 255 outside of the image: only 1 is data.
            sample.valid_mask = PixelData(data=_to_tensor((results["valid_mask"] == 1).astype(np.uint8)))
        sample.set_metainfo({key: results[key] for key in self.meta_keys if key in results})
        return {"inputs": torch.from_numpy(bands_first), "data_samples": sample}

    @staticmethod
    def _check_size(results: dict[str, Any], image: NDArray[Any]) -> None:
        mask = results["valid_mask"]
        if mask.shape != image.shape[:2]:
            raise InputError(
                f"{results.get('img_path', 'a sample')}: the image is {image.shape[0]} x {image.shape[1]} pixels and its valid "
                f"mask {mask.shape[0]} x {mask.shape[1]}: a transform of the pipeline moved one without the other. Take one that "
                "moves all `seg_fields` (PadToSize, RandomWindowCrop, mmseg's Resize, RandomCrop, RandomFlip, RandomRotate)"
            )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(meta_keys={self.meta_keys}, label_dtype='{self.label_dtype}')"


def _to_tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)[None])
