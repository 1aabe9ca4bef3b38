from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import RasterError
from rs_da_mm.raster.profile import make_profile, require_fit


def test_a_profile_keeps_what_it_was_given(tmp_path):
    profile = make_profile(tmp_path / "a.tif", 2, 3, 1, ">u2", nodata=65535, descriptions=["height"], tags={"a": 1})
    assert profile.dtype == np.uint16
    assert profile.dtype.isnative
    assert (profile.height, profile.width, profile.count, profile.nodata) == (2, 3, 1, 65535)
    assert profile.tags == {"a": "1"}
    assert profile.descriptions == ("height",)
    assert profile.colormap == {}


def test_a_palette_becomes_an_opaque_colormap(tmp_path):
    profile = make_profile(tmp_path / "a.tif", 2, 3, 1, "uint8", palette=np.array([[1, 2, 3], [4, 5, 6]]))
    assert profile.colormap == {0: (1, 2, 3, 255), 1: (4, 5, 6, 255)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 0}, "0 x 3 pixels of 1 bands are no raster"),
        ({"dtype": "bool"}, "rasters hold no bool; convert to one of uint8"),
        ({"dtype": "float128"}, "rasters hold no float128"),
        ({"nodata": 256}, r"uint8 cannot hold the nodata value 256; take a whole number from 0 to 255, or a larger dtype"),
        ({"nodata": -1}, "uint8 cannot hold the nodata value -1"),
        ({"nodata": 0.5}, "uint8 cannot hold the nodata value 0.5"),
        ({"nodata": float("nan")}, "uint8 cannot hold the nodata value nan"),
        (
            {"nodata": 1e39, "dtype": "float32"},
            "float32 cannot hold the nodata value 1e.39; take a smaller one, or dtype float64",
        ),
        ({"descriptions": ["a", "b"]}, "2 band descriptions were given for 1 bands"),
        ({"palette": [(0, 0, 0)], "dtype": "uint16"}, "a palette colours one uint8 band; this raster has 1 of uint16"),
        ({"palette": [(0, 0, 0)], "count": 2}, "this raster has 2 of uint8"),
        ({"palette": []}, "the palette has 0 colours"),
        ({"palette": [(0, 0, 0)] * 257}, "the palette has 257 colours"),
        ({"palette": [(0, 0, 0), (0, 0)]}, r"palette colour 1 is \(0, 0\)"),
        ({"palette": [(0, 0, 256)]}, r"palette colour 0 is \(0, 0, 256\)"),
    ],
)
def test_what_cannot_be_is_told_with_the_file(tmp_path, options, message):
    arguments = {"height": 2, "width": 3, "count": 1, "dtype": "uint8", **options}
    with pytest.raises(RasterError, match=message) as error:
        make_profile(tmp_path / "a.tif", **arguments)
    assert str(tmp_path / "a.tif") in str(error.value)


@pytest.mark.parametrize(
    ("dtype", "value"),
    [("float32", np.nan), ("float32", -np.inf), ("float32", -3.4028234663852886e38), ("int8", -128), ("uint64", 2**63)],
)
def test_what_fits_passes(tmp_path, dtype, value):
    require_fit(tmp_path / "a.tif", np.dtype(dtype), value, "value")
