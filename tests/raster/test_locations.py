from __future__ import annotations

from pathlib import Path

import pytest

from rs_da_mm.raster import local_file, locate
from rs_da_mm.raster.locations import portable_name

ELSEWHERE = [
    "https://example.org/a.tif?sig=1",
    "s3://bucket/a.tif",
    "zip+https://example.org/a.zip!b.tif",
    "/vsicurl/https://example.org/a.tif",
    "/vsizip/vsicurl/https://example.org/a.zip/b.tif",
    "/vsizip//vsis3/bucket/a.zip/b.tif",
    "/vsimem/a.tif",
]
INSIDE = [
    ("/vsizip/{}/b/c.tif", "/vsizip/a.zip/b/c.tif"),
    ("/vsizip/{{{}}}/c.tif", "/vsizip/{a.zip}/c.tif"),
    ("/vsigzip/{}", "/vsigzip/a.zip"),
    ("/vsisubfile/10_20,{}", "/vsisubfile/10_20,a.zip"),
    ("zip://{}!c.tif", "zip://a.zip!c.tif"),
    ("zip+file://{}!/c.tif", "zip+file://a.zip!/c.tif"),
    ('NETCDF:"{}":rain', 'NETCDF:"a.zip":rain'),
    ("netcdf:{}:rain", "netcdf:a.zip:rain"),
    ('HDF5:"{}"://group/rain', 'HDF5:"a.zip"://group/rain'),
    ("GTIFF_DIR:2:{}", "GTIFF_DIR:2:a.zip"),
    ("GTIFF_DIR:off:408:{}", "GTIFF_DIR:off:408:a.zip"),
    ("GTIFF_DIR:2:/vsizip/{}/c.tif", "GTIFF_DIR:2:/vsizip/a.zip/c.tif"),
    ('NETCDF:"/vsizip/{}/f.nc":rain', 'NETCDF:"/vsizip/a.zip/f.nc":rain'),
    ("SENTINEL2_L2A:{}:10m:EPSG_32632", "SENTINEL2_L2A:a.zip:10m:EPSG_32632"),
    ("vrt://{}?bands=2", "vrt://a.zip?bands=2"),
]


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "a.zip"
    path.touch()
    return path


@pytest.mark.parametrize("name", ["a.tif", "2021:a.tif", r"C:\maps\a.tif", "a b#c.tif", "vsizip/a.tif"])
def test_what_looks_like_a_file_is_one(name):
    assert locate(name) == Path(name)
    assert local_file(Path(name)) == Path(name)


@pytest.mark.parametrize("location", ELSEWHERE)
def test_what_lies_elsewhere_is_kept_to_the_letter(location):
    assert locate(location) == location
    assert local_file(location) is None
    assert portable_name(location) == location.partition("?")[0]


@pytest.mark.parametrize(("pattern", "name"), INSIDE)
@pytest.mark.parametrize("relative", [True, False])
def test_the_file_around_a_raster_is_found(archive, monkeypatch, pattern, name, relative):
    monkeypatch.chdir(archive.parent)
    location = pattern.format("a.zip" if relative else archive.as_posix())
    assert locate(location) == location
    assert local_file(location) == (Path("a.zip") if relative else archive)
    assert portable_name(location) == name


@pytest.mark.parametrize(("pattern", "name"), INSIDE)
def test_no_file_is_found_where_there_is_none(pattern, name):
    assert local_file(pattern.format("/nowhere/a.zip")) is None


def test_a_file_whose_name_looks_like_something_else_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate("scene:1.tif") == "scene:1.tif"
    try:
        Path("scene:1.tif").touch()
    except OSError:
        pytest.skip("no colons in names here")
    assert locate("scene:1.tif") == Path("scene:1.tif")


def test_a_file_url_is_a_file(tmp_path):
    path = tmp_path / "with spaces.tif"
    assert locate(path.as_uri()) == path


def test_a_virtual_path_that_was_made_a_path_is_a_string_again():
    assert locate(Path("/vsizip/a.zip/b.tif")) == "/vsizip/a.zip/b.tif"


def test_a_url_too_long_for_a_file_name_is_no_trouble():
    url = "https://example.org/a.tif?signature=" + "x" * 5000
    assert locate(url) == url
    assert local_file("zip://" + "x" * 5000) is None
