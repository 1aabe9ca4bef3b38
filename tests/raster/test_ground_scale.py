from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Georeference
from rs_da_mm.raster.ground_scale import ground_matrices


@pytest.mark.parametrize(
    ("epsg", "transform"),
    [
        (4326, Affine(1e-4, 0, 24.9, 0, -1e-4, 60.2)),
        (3857, Affine(10, 0, 2_772_000, 0, -10, 8_440_000)),
        (3067, Affine(8, 6, 386_000, 6, -8, 6_672_000)),
        (2263, Affine(3, 0, 980_000, 0, -3, 200_000)),
    ],
)
def test_steps_against_geodesics(epsg, transform):
    pyproj = pytest.importorskip("pyproj", reason="pyproj measures the same distances")
    cols, rows = np.array([0.0, 150.0]), np.array([0.0, 90.0])
    found = ground_matrices(Georeference(CRS.from_epsg(epsg), transform), cols, rows)
    to_degrees = pyproj.Transformer.from_crs(epsg, 4326, always_xy=True)
    for place in range(2):
        for step, (col, row) in enumerate([(0.5, 0.0), (0.0, 0.5)]):
            ends = []
            for sign in (-1, 1):
                at_col, at_row = cols[place] + sign * col, rows[place] + sign * row
                x = transform.a * at_col + transform.b * at_row + transform.c
                y = transform.d * at_col + transform.e * at_row + transform.f
                ends += to_degrees.transform(x, y)
            azimuth, _, metres = pyproj.Geod(ellps="WGS84").inv(*ends)
            east, north = metres * math.sin(math.radians(azimuth)), metres * math.cos(math.radians(azimuth))
            np.testing.assert_allclose(found[place, :, step], [east, north], rtol=0, atol=2e-5 * metres)


def test_across_the_date_line():
    (found,) = ground_matrices(
        Georeference(CRS.from_epsg(4326), Affine(0.01, 0, 179.995, 0, -0.01, 0.005)), np.array([0.5]), np.array([0.5])
    )
    assert found[0, 0] == pytest.approx(math.radians(0.01) * 6378137, rel=1e-6)


def test_nowhere_is_told():
    nowhere = Georeference(CRS.from_epsg(32650), Affine(1, 0, 1e99, 0, -1, 1e99))
    with pytest.raises(RasterError, match="EPSG:32650 has no place on Earth"):
        ground_matrices(nowhere, np.array([0.0]), np.array([0.0]))
