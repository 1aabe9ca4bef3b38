from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.label_code import LabelCode
from rs_da_mm.datasets.transforms import LoadRasterLabel
from rs_da_mm.errors import DatasetError, InputError
from rs_da_mm.raster import write_raster

COLOURS = {(255, 0, 0): 0, (0, 255, 0): 1, (0, 0, 0): 255}


def _write(path, data, **kwargs) -> str:
    write_raster(path, data, **kwargs)
    return str(path)


@pytest.fixture
def classes() -> np.ndarray:
    return np.random.default_rng(0).choice([0, 1, 255], (12, 10)).astype(np.uint8)


@pytest.fixture
def painted(classes) -> np.ndarray:
    image = np.zeros((12, 10, 3), np.uint8)
    for colour, index in COLOURS.items():
        image[classes == index] = colour
    return image


def test_colours(tmp_path, classes, painted):
    path = _write(tmp_path / "label.tif", painted)
    sample = {"seg_map_path": path, "label_code": LabelCode(COLOURS), "seg_fields": ["valid_mask"]}
    out = LoadRasterLabel().transform(sample)
    np.testing.assert_array_equal(out["gt_seg_map"], classes)
    assert out["gt_seg_map"].dtype == np.uint8
    assert out["seg_fields"] == ["valid_mask", "gt_seg_map"]


def test_window_outside_of_the_scene_is_ignored_though_0_is_no_label(tmp_path, classes):
    path = _write(tmp_path / "label.tif", np.where(classes == 255, 9, classes + 1).astype(np.uint8))
    code = LabelCode(values={1: 0, 2: 1, 9: 255})
    out = LoadRasterLabel().transform({"seg_map_path": path, "label_code": code, "window": (8, -2, 6, 5)})
    expected = np.full((6, 5), 255)
    expected[:4, 2:] = classes[8:, :3]
    np.testing.assert_array_equal(out["gt_seg_map"], expected)


def test_plain_values_are_taken_as_they_are(tmp_path, classes):
    for dtype in ("uint8", "uint16", "int32"):
        path = _write(tmp_path / f"{dtype}.tif", classes.astype(dtype))
        out = LoadRasterLabel().transform({"seg_map_path": path, "window": (2, 3, 4, 20)})
        expected = np.full((4, 20), 255)
        expected[:, :7] = classes[2:6, 3:]
        np.testing.assert_array_equal(out["gt_seg_map"], expected)


def test_palette_image_decodes_by_its_colours(tmp_path, classes):
    stored = np.select([classes == 0, classes == 1], [2, 1], 0).astype(np.uint8)
    path = _write(tmp_path / "label.tif", stored, palette=[(0, 0, 0), (0, 255, 0), (255, 0, 0)])
    out = LoadRasterLabel().transform({"seg_map_path": path, "label_code": LabelCode(COLOURS)})
    np.testing.assert_array_equal(out["gt_seg_map"], classes)


@pytest.mark.parametrize("label_map", [None, {0: 1, 1: 255, 2: 0}])
@pytest.mark.parametrize("reduce_zero_label", [False, True])
def test_renumbering_is_mmsegs(tmp_path, reduce_zero_label, label_map):
    from mmseg.datasets.transforms import LoadAnnotations

    label = np.random.default_rng(1).choice([0, 1, 2, 3, 254, 255], (8, 8)).astype(np.uint8)
    path = tmp_path / "label.png"
    write_raster(path, label)
    sample = {"seg_map_path": str(path), "reduce_zero_label": reduce_zero_label, "label_map": label_map}
    ours = LoadRasterLabel().transform({**sample, "seg_fields": []})
    theirs = LoadAnnotations().transform({**sample, "seg_fields": []})
    np.testing.assert_array_equal(ours["gt_seg_map"], theirs["gt_seg_map"])


def test_unknown_colour_names_file_and_place(tmp_path, painted):
    painted[7, 4] = (1, 2, 3)
    path = _write(tmp_path / "label.tif", painted)
    with pytest.raises(DatasetError, match=r"label\.tif.*\(1, 2, 3\).*row 7, column 4"):
        LoadRasterLabel().transform({"seg_map_path": path, "label_code": LabelCode(COLOURS), "window": (6, 2, 4, 4)})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((4, 4, 3), np.uint8), "3 bands of uint8"),
        (np.zeros((4, 4), np.float32), "1 bands of float32"),
        (np.full((4, 4), 300, np.uint16), "300 to 300"),
        (np.full((4, 4), -1, np.int16), "-1 to -1"),
    ],
)
def test_what_is_no_plain_label(tmp_path, data, message):
    path = _write(tmp_path / "label.tif", data)
    with pytest.raises(InputError, match=rf"label\.tif.*{message}"):
        LoadRasterLabel().transform({"seg_map_path": path})


def test_label_of_another_size_is_refused(tmp_path, classes):
    path = _write(tmp_path / "label.tif", classes)
    with pytest.raises(InputError, match=r"label\.tif: the label is 12 x 10 pixels, but its image a\.tif is 12 x 11"):
        LoadRasterLabel().transform({"seg_map_path": path, "img_path": "a.tif", "scene_shape": (12, 11), "window": (0, 0, 4, 4)})


def test_no_label_at_all():
    with pytest.raises(InputError, match=r"a\.tif has no label"):
        LoadRasterLabel().transform({"img_path": "a.tif", "seg_map_path": None})


def test_a_source_of_labels_goes_before_the_file():
    class Source:
        def read(self, window):
            return np.full((window.height, window.width), window.row, np.uint8)

    out = LoadRasterLabel().transform({"label_source": Source(), "seg_map_path": "l.gpkg", "window": (7, 0, 2, 3)})
    np.testing.assert_array_equal(out["gt_seg_map"], np.full((2, 3), 7))
    assert LoadRasterLabel().transform({"label_source": Source(), "scene_shape": (4, 5)})["gt_seg_map"].shape == (4, 5)
