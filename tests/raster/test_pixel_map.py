from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference, Window
from rs_da_mm.raster import pixel_map as module
from rs_da_mm.raster.pixel_map import NOWHERE, PixelMap
from rs_da_mm.raster.reprojection import carry_points, reproject_points

ZONES = [CRS.from_epsg(32650), CRS.from_epsg(32651), CRS.from_epsg(3857), CRS.from_epsg(4326), CRS.from_epsg(6933)]
SHAPE = (900, 1100)


def placed(crs, lon, lat, metres, turn):
    """A grid whose upper left corner lies at a place, turned by some degrees, with pixels of about so many metres."""
    (x,), (y,) = reproject_points(CRS.from_epsg(4326), crs, np.array([lon]), np.array([lat]))
    size = metres / 111_000 if crs.is_geographic else metres
    cosine, sine = size * math.cos(math.radians(turn)), size * math.sin(math.radians(turn))
    return Georeference(crs, Affine(cosine, sine, x, sine, -cosine, y))


def grids():
    return st.builds(
        placed,
        st.sampled_from(ZONES),
        st.floats(119.9, 120.1),
        st.floats(55.9, 56.1),
        st.sampled_from([0.5, 10.0, 30.0, 1000.0, 5000.0]),
        st.sampled_from([0.0, 20.0, 180.0]),
    )


@settings(max_examples=60, deadline=None)
@given(grid=grids(), other=grids(), row=st.integers(-50, 800), col=st.integers(-50, 800))
def test_every_pixel_is_found_as_if_each_were_looked_up(grid, other, row, col):
    found = PixelMap.between(grid, other, SHAPE)
    window = Window(row, col, 45, 70)
    cols, rows = np.meshgrid(np.arange(col, col + 70) + 0.5, np.arange(row, row + 45) + 0.5)
    for place, exact in zip(found.centres(window), found.places(cols, rows), strict=True):
        assert np.abs(place - exact).max() <= 2**-10
        np.testing.assert_array_equal(np.floor(place), np.floor(exact))


@settings(max_examples=40, deadline=None)
@given(grid=grids(), other=grids(), data=st.data())
def test_a_pixel_has_the_same_bits_in_every_window(grid, other, data):
    found = PixelMap.between(grid, other, SHAPE)
    whole = np.stack(found.centres(Window(-40, -40, 200, 200)))
    row, col = data.draw(st.integers(-40, 150)), data.draw(st.integers(-40, 150))
    height, width = data.draw(st.integers(1, 160 - row)), data.draw(st.integers(1, 160 - col))
    part = np.stack(found.centres(Window(row, col, height, width)))
    np.testing.assert_array_equal(part, whole[:, row + 40 : row + 40 + height, col + 40 : col + 40 + width])


def test_places_against_pyproj():
    pyproj = pytest.importorskip("pyproj", reason="pyproj carries the same points")
    grid, other = placed(ZONES[0], 120, 56, 10, 0), placed(ZONES[1], 120, 56, 7, 15)
    cols, rows = np.meshgrid(np.arange(50) + 0.5, np.arange(40) + 0.5)
    t, to_pixels = grid.transform, ~other.transform
    xs, ys = pyproj.Transformer.from_crs(32650, 32651, always_xy=True).transform(t.a * cols + t.c, t.e * rows + t.f)
    expected = [to_pixels.a * xs + to_pixels.b * ys + to_pixels.c, to_pixels.d * xs + to_pixels.e * ys + to_pixels.f]
    np.testing.assert_allclose(PixelMap.between(grid, other, SHAPE).centres(Window(0, 0, 40, 50)), expected, rtol=0, atol=2**-10)


def test_few_points_are_asked_for(monkeypatch):
    asked = []

    def counting(source, target, xs, ys):
        asked.append(xs.size)
        return carry_points(source, target, xs, ys)

    found = PixelMap.between(placed(ZONES[0], 120, 56, 10, 0), placed(ZONES[1], 120, 56, 10, 0), SHAPE)
    monkeypatch.setattr(module, "carry_points", counting)
    found.centres(Window(256, 512, 256, 256))
    assert sum(asked) < 0.02 * 256**2


def test_longitudes_are_taken_where_the_other_grid_has_them():
    around = Georeference(CRS.from_epsg(4326), Affine(0.1, 0, 0, 0, -0.1, 90))  # 0 to 360 degrees east
    west = Georeference(CRS.from_epsg(4326), Affine(0.1, 0, -75, 0, -0.1, 40))
    cols, rows = PixelMap.between(west, around, (1800, 3600)).centres(Window(0, 0, 1, 3))
    np.testing.assert_allclose(cols, [[2850.5, 2851.5, 2852.5]], atol=1e-5)
    np.testing.assert_allclose(rows, 500.5, atol=1e-5)


def test_what_has_no_place_is_nowhere():
    far_side = Georeference(CRS.from_epsg(4326), Affine(1, 0, 170, 0, -1, 5))
    globe = Georeference(CRS.from_proj4("+proj=ortho +lat_0=0 +lon_0=0"), Affine(1000, 0, -6e6, 0, -1000, 6e6))
    cols, rows = PixelMap.between(far_side, globe, (12000, 12000)).centres(Window(0, 0, 4, 4))
    assert (cols == NOWHERE).all()
    assert (rows == NOWHERE).all()
