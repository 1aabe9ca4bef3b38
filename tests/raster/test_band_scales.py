from __future__ import annotations

import numpy as np
import rasterio

from rs_da_mm.raster import Scene, write_raster
from rs_da_mm.raster.band_scales import band_scales


def test_every_selected_band_has_the_scale_of_its_file(tmp_path):
    for name, scales, offsets in (("a", (0.1, 0.2), (1.0, 2.0)), ("b", (0.3,), (-3.0,))):
        write_raster(tmp_path / f"{name}.tif", np.ones((4, 5, len(scales)), np.uint16))
        with rasterio.open(tmp_path / f"{name}.tif", "r+") as file:
            file.scales, file.offsets = scales, offsets
    scene = Scene([tmp_path / "a.tif", tmp_path / "b.tif"], bands=[3, 1])
    assert band_scales(scene) == ((0.3, -3.0), (0.1, 1.0))


def test_a_file_that_says_nothing_is_as_it_is(tmp_path):
    write_raster(tmp_path / "a.tif", np.ones((4, 5, 2), np.uint8))
    assert band_scales(Scene(tmp_path / "a.tif")) == ((1.0, 0.0), (1.0, 0.0))
