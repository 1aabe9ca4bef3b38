from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Scene
from rs_da_mm.raster.composition import describe_files

PLACE = {"crs": CRS.from_epsg(32650), "transform": Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)}


def test_bands_are_counted_on_from_file_to_file(tmp_path, plainly, pixels):
    one, two = plainly(tmp_path / "one.tif", pixels[:, :, :2]), plainly(tmp_path / "two.tif", pixels)
    sources = describe_files([one, two], (5, 1, 3), None, True)
    assert [(source.path, source.bands, source.places) for source in sources] == [(two, (3, 1), (0, 2)), (one, (1,), (1,))]


def test_alpha_is_left_out_of_each_file(tmp_path, plainly, pixels):
    rgba = np.dstack([pixels, pixels[:, :, 0]])
    one, two = plainly(tmp_path / "one.tif", rgba, alpha=4), plainly(tmp_path / "two.tif", pixels)
    assert [source.bands for source in describe_files([one, two], None, None, True)] == [(1, 2, 3), (1, 2, 3)]
    assert Scene([one, two], bands=(5,)).read()[7, 7, 0] == pixels[7, 7, 0]


def test_a_file_of_nothing_but_alpha(tmp_path, plainly, pixels):
    path = plainly(tmp_path / "alpha.tif", pixels[:, :, 0], alpha=1)
    with pytest.raises(RasterError, match=r"alpha\.tif: all bands are marked as alpha"):
        Scene(path)
    assert Scene(path, bands=(1,)).count == 1


def test_an_empty_selection(tmp_path, plainly, pixels):
    with pytest.raises(RasterError, match="names no band"):
        Scene(plainly(tmp_path / "a.tif", pixels), bands=())


@pytest.mark.parametrize(
    ("shape", "place", "message"),
    [
        ((300, 200, 3), PLACE, r"mask\.tif has 3 bands; a mask has one"),
        ((200, 300), PLACE, r"mask\.tif has 200 x 300 pixels and .*image\.tif 300 x 200"),
        ((300, 200), {**PLACE, "crs": CRS.from_epsg(32651)}, r"image\.tif and .*mask\.tif do not lie on one grid"),
    ],
)
def test_a_mask_that_does_not_fit_is_told(tmp_path, plainly, pixels, shape, place, message):
    image = plainly(tmp_path / "image.tif", pixels, **PLACE)
    mask = plainly(tmp_path / "mask.tif", np.ones(shape, np.uint8), **place)
    with pytest.raises(RasterError, match=message):
        Scene(image, mask=mask)


def test_files_are_compared_though_the_first_has_no_place(tmp_path, plainly, pixels):
    photo = plainly(tmp_path / "photo.png", pixels, driver="PNG")
    one = plainly(tmp_path / "one.tif", pixels, **PLACE)
    two = plainly(tmp_path / "two.tif", pixels, **{**PLACE, "crs": CRS.from_epsg(32651)})
    assert Scene([photo, one]).georeference().crs == PLACE["crs"]
    with pytest.raises(RasterError, match=r"one\.tif and .*two\.tif do not lie on one grid"):
        Scene([photo, one, two])


def test_a_mask_needs_no_georeference(tmp_path, plainly, pixels):
    image = plainly(tmp_path / "image.tif", pixels, **PLACE)
    mask = plainly(tmp_path / "mask.png", np.zeros((300, 200), np.uint8), driver="PNG")
    assert not Scene(image, mask=mask).read_valid().any()
