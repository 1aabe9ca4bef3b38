from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from rasterio.crs import CRS

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs import require_pyogrio
from rs_da_mm.inference.outputs.geopackage import GeoPackageWriter
from rs_da_mm.inference.outputs.polygon_shapes import polygon_wkb
from rs_da_mm.raster import Georeference, LabelPolygon

FIELDS = {"class": np.int32, "name": object, "area_m2": np.float64}
SQUARE = polygon_wkb(LabelPolygon(0, (np.array([[2, 1], [2, 4], [6, 4], [6, 1], [2, 1]]),)), Georeference())
UTM = CRS.from_epsg(32650).to_wkt()
POSIX = pytest.mark.skipif(os.name != "posix", reason="file size limits are POSIX's")


@pytest.fixture
def pyogrio():
    return pytest.importorskip("pyogrio", reason="pyogrio, which writes GeoPackage, is optional")


def test_without_pyogrio_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyogrio", None)
    monkeypatch.setitem(sys.modules, "pyogrio.raw", None)
    with pytest.raises(InputError, match=r"pip install 'rs_da_mm\[vectors\]'"):
        require_pyogrio()


def test_polygons_and_their_attributes(tmp_path, pyogrio):
    path = tmp_path / "a.gpkg"
    with GeoPackageWriter(path, "areas", UTM, FIELDS) as out:
        out.write([SQUARE], [[3], ["Wiese"], [12.5]])
        out.write([SQUARE, SQUARE], [[1, 2], ["a", "b"], [np.nan, 1]])
        out.set_style("classes", "<qgis/>")
    assert pyogrio.list_layers(path)[:, 0].tolist() == ["areas", "layer_styles"]
    meta, _, shapes, values = pyogrio.raw.read(path, layer="areas")
    assert meta["crs"] == "EPSG:32650"
    assert [bytes(shape) for shape in shapes] == [SQUARE] * 3
    assert values[0].tolist() == [3, 1, 2]
    assert values[1].tolist() == ["Wiese", "a", "b"]
    np.testing.assert_array_equal(values[2], [12.5, np.nan, 1])
    meta, _, _, values = pyogrio.raw.read(path, layer="layer_styles")
    style = dict(zip(meta["fields"].tolist(), (column[0] for column in values), strict=True))
    assert (style["f_table_name"], style["styleQML"], bool(style["useAsDefault"])) == ("areas", "<qgis/>", True)
    assert [file.name for file in tmp_path.iterdir()] == ["a.gpkg"]


def test_a_map_without_areas_makes_an_empty_layer(tmp_path, pyogrio):
    with GeoPackageWriter(tmp_path / "a.gpkg", "areas", None, FIELDS):
        pass
    info = pyogrio.read_info(tmp_path / "a.gpkg", layer="areas")
    assert (info["features"], info["fields"].tolist()) == (0, list(FIELDS))


def test_an_exception_leaves_the_old_file_and_nothing_else(tmp_path, pyogrio):
    path = tmp_path / "a.gpkg"
    path.write_bytes(b"old")

    def fail_halfway():
        with GeoPackageWriter(path, "areas", UTM, FIELDS) as out:
            out.write([SQUARE], [[3], ["a"], [1.0]])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a.gpkg"]


def test_polygons_that_got_lost_are_told(tmp_path, pyogrio):
    out = GeoPackageWriter(tmp_path / "a.gpkg", "areas", UTM, FIELDS)
    out.write([SQUARE], [[3], ["a"], [1.0]])
    out._count += 1
    with pytest.raises(InputError, match="1 of 2 polygons can be read again"):
        out.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


@POSIX
def test_a_full_disk_leaves_nothing(tmp_path, pyogrio):
    code = """
import resource, signal, sys
import numpy as np
from rs_da_mm.inference.outputs.geopackage import GeoPackageWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))
shape = bytes.fromhex(sys.argv[2])
try:
    with GeoPackageWriter(sys.argv[1], "areas", None, {"class": np.int32}) as out:
        out.write([shape] * 20_000, [[1] * 20_000])
except ValueError as error:
    print(type(error).__name__, error)
"""
    path = tmp_path / "a.gpkg"
    arguments = [sys.executable, "-c", code, str(path), SQUARE.hex()]
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=100)
    assert f"InputError {path} could not be written" in result.stdout, result.stderr
    assert list(tmp_path.iterdir()) == []


def test_other_suffixes_are_refused(tmp_path, pyogrio):
    with pytest.raises(InputError, match=r"give it the suffix \.gpkg"):
        GeoPackageWriter(tmp_path / "a.shp", "areas", None, FIELDS)
