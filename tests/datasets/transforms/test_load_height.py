from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import TRANSFORMS
from tiny_folders import placed, write_random_image

from rs_da_mm.datasets.transforms import LoadHeight, LoadRaster, PadToSize, RandomDihedral
from rs_da_mm.errors import InputError
from rs_da_mm.raster import OutsideError, write_raster


@pytest.fixture
def sample(tmp_path):
    write_random_image(tmp_path / "image.tif", (20, 30))
    return {"img_path": str(tmp_path / "image.tif"), "height_path": str(tmp_path / "dsm.tif"), "window": (4, 6, 8, 9)}


def write_plane(path, pixel, shape, hole=None):
    """z = 100 + x / 50 - y / 20 of the metres to the east and south of the image's corner, at the pixels' centres."""
    rows, cols = np.indices(shape)
    plane = (100 + (cols + 0.5) * pixel / 50 - (rows + 0.5) * pixel / 20).astype(np.float32)
    if hole is not None:
        plane[hole] = -9999
    write_raster(path, plane, georeference=placed(pixel), nodata=-9999.0)


def expected_plane():
    rows, cols = np.indices((8, 9))
    return 100 + (cols + 6.5) * 10 / 50 - (rows + 4.5) * 10 / 20


@pytest.mark.parametrize(("pixel", "shape"), [(10.0, (20, 30)), (25.0, (12, 14)), (40.0, (8, 10))])
def test_heights_of_any_pixel_size_come_onto_the_image(tmp_path, sample, pixel, shape):
    write_plane(tmp_path / "dsm.tif", pixel, shape)
    out = LoadHeight().transform(sample)
    np.testing.assert_allclose(out["height"], expected_plane(), atol=1e-4)
    assert out["height"].dtype == np.float32
    assert out["height_valid"].all()
    assert out["seg_fields"] == ["height", "height_valid"]


@pytest.mark.parametrize(("unit", "metres"), [("metre", 1), ("foot", 0.3048), ("us_survey_foot", 0.3048006096012192)])
def test_units_and_offset(tmp_path, sample, unit, metres):
    write_plane(tmp_path / "dsm.tif", 10.0, (20, 30))
    out = LoadHeight(unit=unit, offset=-48.5).transform(sample)
    np.testing.assert_allclose(out["height"], expected_plane() * metres - 48.5, rtol=1e-5, atol=1e-4)


def test_unknown_heights_are_told_beside_them_or_make_pixels_invalid(tmp_path, sample):
    write_plane(tmp_path / "dsm.tif", 10.0, (20, 30), hole=np.s_[5:7, 8:10])
    known = np.ones((8, 9), np.uint8)
    known[1:3, 2:4] = 0
    out = LoadHeight(offset=5).transform(LoadRaster().transform({**sample, "seg_fields": []}))
    np.testing.assert_array_equal(out["height_valid"], known)
    assert (out["height"][known == 0] == 0).all()
    assert out["valid_mask"].all()
    strict = LoadHeight(require=True).transform(LoadRaster().transform({**sample, "seg_fields": []}))
    np.testing.assert_array_equal(strict["valid_mask"], known)


def test_what_lies_beyond_the_heights_is_unknown(tmp_path, sample):
    write_plane(tmp_path / "dsm.tif", 10.0, (8, 30))
    out = LoadHeight().transform(sample)
    assert out["height_valid"].sum(axis=1).tolist() == [9] * 4 + [0] * 4
    whole = LoadHeight().transform({**sample, "window": None})
    assert whole["height"].shape == (20, 30)


def test_heights_move_with_the_image(tmp_path, sample):
    write_plane(tmp_path / "dsm.tif", 10.0, (20, 30), hole=np.s_[5:7, 8:10])
    sample["window"] = (4, 6, 8, 8)
    out = LoadHeight().transform(LoadRaster().transform({**sample, "seg_fields": []}))
    before = {key: out[key].copy() for key in ("img", "height", "height_valid")}
    moved = RandomDihedral().transform(out)
    turned = next(
        (flip, turns)
        for flip in (False, True)
        for turns in range(4)
        if np.array_equal(np.rot90(before["img"][:, ::-1] if flip else before["img"], turns), moved["img"])
    )
    for key in ("height", "height_valid"):
        plane = before[key][:, ::-1] if turned[0] else before[key]
        np.testing.assert_array_equal(moved[key], np.rot90(plane, turned[1]))


def test_what_is_added_around_an_image_has_no_height(tmp_path, sample):
    write_plane(tmp_path / "dsm.tif", 10.0, (20, 30))
    out = LoadHeight().transform(LoadRaster().transform({**sample, "seg_fields": []}))
    padded = PadToSize(size=(12, 12)).transform(out)
    assert padded["height"].shape == padded["height_valid"].shape == (12, 12)
    assert padded["height_valid"].sum() == 72
    assert (padded["height"][padded["height_valid"] == 0] == 0).all()


def test_what_cannot_be_is_told(tmp_path, sample):
    with pytest.raises(InputError, match="unit is 'feet'; it can be 'metre', 'foot', 'us_survey_foot'"):
        LoadHeight(unit="feet")
    with pytest.raises(InputError, match="method is 'lanczos'"):
        LoadHeight(method="lanczos")
    with pytest.raises(InputError, match=r"image\.tif has no heights .*heights='…'"):
        LoadHeight().transform({**sample, "height_path": None})
    write_raster(tmp_path / "dsm.tif", np.zeros((20, 30, 2), np.float32), georeference=placed())
    with pytest.raises(InputError, match=r"dsm\.tif has 2 bands; say which .*LoadHeight\(band=1\)"):
        LoadHeight().transform(dict(sample))
    assert not LoadHeight(band=2).transform(dict(sample))["height"].any()
    with pytest.raises(InputError, match="needs a `valid_mask`"):
        LoadHeight(require=True, band=1).transform(dict(sample))
    write_raster(tmp_path / "dsm.tif", np.zeros((20, 30), np.float32), georeference=placed(10.0, 9000))
    with pytest.raises(OutsideError, match="lies outside"):
        LoadHeight().transform(dict(sample))


def test_it_is_registered():
    built = TRANSFORMS.build({"type": "LoadHeight", "unit": "foot"})
    assert repr(built) == "LoadHeight(unit='foot', offset=0.0, method='bilinear', require=False)"
