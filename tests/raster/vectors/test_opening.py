from __future__ import annotations

import numpy as np
import pyogrio
import pytest
import shapely
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.raster.vectors.opening import choose_layer, read_crs, read_head

SQUARE = shapely.box(0, 0, 1, 1)


def test_the_only_layer_needs_no_name(tmp_path, draw):
    path = draw(tmp_path / "one.gpkg", [SQUARE], layer="parcels")
    pyogrio.raw.write(path, None, [np.arange(2)], ["page"], layer="notes", geometry_type=None, append=True)
    assert choose_layer(path, None) == "parcels"
    assert choose_layer(path, "parcels") == "parcels"
    assert read_head(path, "parcels")["features"] == 1


def test_several_layers_are_named(tmp_path, draw):
    path = draw(tmp_path / "two.gpkg", [SQUARE], layer="roads")
    draw(path, [SQUARE], layer="fields", append=True)
    with pytest.raises(InputError, match=r"two\.gpkg holds 2 layers: 'roads', 'fields'\. Say which"):
        choose_layer(path, None)
    with pytest.raises(InputError, match=r"no layer 'road'; it holds 'roads', 'fields'"):
        choose_layer(path, "road")


def test_what_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match=r"none\.shp does not exist"):
        choose_layer(tmp_path / "none.shp", None)
    text = tmp_path / "text.gpkg"
    text.write_text("no vectors")
    with pytest.raises(InputError, match=r"text\.gpkg is no vector file that can be opened"):
        choose_layer(text, None)
    with pytest.raises(InputError, match=r"text\.gpkg, layer 'a', cannot be read"):
        read_head(text, "a")


def test_systems(tmp_path):
    assert read_crs(tmp_path, None) is None
    assert read_crs(tmp_path, "EPSG:4326") == CRS.from_epsg(4326)
    with pytest.raises(InputError, match="names a coordinate system"):
        read_crs(tmp_path, "EPSG:99999999")
