"""Loading the label of a sample: colours, values or palettes become class numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from rs_da_mm.datasets.label_code import IGNORED
from rs_da_mm.datasets.label_reading import read_label
from rs_da_mm.datasets.transforms.fields import add_seg_field
from rs_da_mm.errors import InputError
from rs_da_mm.raster import Scene, Window, clip_window, window_slices
from rs_da_mm.raster.known_scenes import known_scene
from rs_da_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadRasterLabel(BaseTransform):
    """Load ``gt_seg_map`` (H, W) uint8 from any raster that GDAL opens, or from shapes, by the same window as the image.

    Reads ``seg_map_path`` and, where the sample has them, ``window`` and ``label_code`` (the data set's
    :class:`~rs_da_mm.datasets.label_code.LabelCode`, which turns colours or values into classes); or, in their place, the
    ``label_source`` of :class:`~rs_da_mm.datasets.RasterFolderDataset`, whose labels may lie on another grid, or be shapes.
    Without a ``label_code`` the file must have one band of whole numbers from 0 to 255, which are taken as they are; with that
    and mmseg's ``reduce_zero_label`` and ``label_map`` it serves mmseg's own data sets too. Pixels outside of the scene are
    255. What the file holds where the *image* has no data stays; the data preprocessor ignores it.

    Raises:
        InputError: While loading: when there is no label, its size is not the image's, or its form is not understood.
        DatasetError: While loading: when a colour or value is not in the ``label_code``.
        RasterError: While loading: when the file or window cannot be read.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the label of a sample; see the class for the keys."""
        read = self._from_file if results.get("label_source") is None else self._from_source
        label = read(results)
        label = _renumber(label, bool(results.get("reduce_zero_label")), results.get("label_map"))
        add_seg_field(results, "gt_seg_map", label)
        return results

    @staticmethod
    def _from_source(results: dict[str, Any]) -> NDArray[np.uint8]:
        window = results.get("window")
        if window is None:
            window = (0, 0, *results["scene_shape"])
        return results["label_source"].read(Window(*window))

    def _from_file(self, results: dict[str, Any]) -> NDArray[np.uint8]:
        path = results.get("seg_map_path")
        if path is None:
            raise InputError(
                f"{results.get('img_path', 'a sample')} has no label (no `seg_map_path`), but the pipeline loads one. "
                "Leave LoadRasterLabel out for unlabelled data"
            )
        scene = known_scene(path)
        self._check_size(results, scene)
        window = Window(0, 0, *scene.shape) if results.get("window") is None else Window(*results["window"])
        code = results.get("label_code")
        return _read_plain(scene, window) if code is None else read_label(scene, code, window)

    @staticmethod
    def _check_size(results: dict[str, Any], scene: Scene) -> None:
        expected = results.get("scene_shape")
        if expected is not None and scene.shape != tuple(expected):
            raise InputError(
                f"{scene.name}: the label is {scene.height} x {scene.width} pixels, but its image {results.get('img_path')} is "
                f"{expected[0]} x {expected[1]}. Use the label that belongs to the image, or warp it onto the image's grid"
            )


def _read_plain(scene: Scene, window: Window) -> NDArray[np.uint8]:
    """Read a window of a label file whose values are the class numbers."""
    label = np.full((window.height, window.width), IGNORED, np.uint8)
    inside = clip_window(window, *scene.shape)
    if inside.height and inside.width:
        label[window_slices(inside, (window.row, window.col))] = _as_classes(scene.read(inside), scene.name)
    return label


def _as_classes(raw: NDArray[Any], where: str) -> NDArray[np.uint8]:
    """Take the values of a label file for class numbers, if they can be."""
    if raw.shape[2] != 1 or raw.dtype.kind not in "iu":
        raise InputError(
            f"{where}: the label has {raw.shape[2]} bands of {raw.dtype}; without a `label_code` it must have one band of whole "
            "numbers. Give the data set the label's colours or values"
        )
    if raw.dtype != np.uint8 and not (raw.min() >= 0 and raw.max() <= IGNORED):
        raise InputError(
            f"{where}: the label holds values from {raw.min()} to {raw.max()}; class numbers are 0 to 254, and 255 is ignored. "
            "Give the data set the label's values"
        )
    return raw[..., 0].astype(np.uint8, copy=False)


def _renumber(label: NDArray[np.uint8], reduce_zero_label: bool, label_map: Mapping[int, int] | None) -> NDArray[np.uint8]:
    """Apply mmseg's two ways of renumbering, in mmseg's order: 0 becomes ignored and all else one less, then old to new."""
    if not reduce_zero_label and not label_map:
        return label
    table = np.arange(256, dtype=np.uint8)
    if reduce_zero_label:
        table = np.concatenate([[IGNORED], table[:254], [IGNORED]]).astype(np.uint8)
    if label_map:
        renumbered = np.arange(256, dtype=np.uint8)
        renumbered[list(label_map)] = list(label_map.values())
        table = renumbered[table]
    return table[label]
