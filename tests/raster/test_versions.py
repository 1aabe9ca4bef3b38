from __future__ import annotations

import re

from rs_da_mm.raster.versions import library_versions


def test_every_library_has_a_version():
    versions = library_versions()
    assert list(versions) == ["rasterio", "GDAL", "PROJ"]
    assert all(re.match(r"\d+\.\d+", version) for version in versions.values())
