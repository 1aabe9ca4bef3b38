"""Names of scenes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.inference.inputs.scene_names import scene_names

PART = st.sampled_from(["a", "b", "A", "2021", "a__b", "a_tif", "a__2", "2021__a"])
ENDING = st.sampled_from([".tif", ".png", ""])
LOCAL = st.builds(lambda folders, name, ending: Path(*folders, name + ending), st.lists(PART, max_size=2), PART, ENDING)
VIRTUAL = st.builds(lambda folder, name: f"/vsizip/{folder}.zip/{name}.tif", PART, PART)


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["x/a.tif", "y/b.tif"], ["a", "b"]),
        (["2021/a.tif", "2022/a.tif", "2022/b.tif"], ["2021__a", "2022__a", "b"]),
        (["2021/x/a.tif", "2022/x/a.tif"], ["2021__x__a", "2022__x__a"]),
        (["x/a.tif", "x/a.png", "x/b.png"], ["a_tif", "a_png", "b"]),
        (["x/A.tif", "y/a.tif"], ["x__A", "y__a"]),
        (["x/a.b.tif"], ["a.b"]),
    ],
)
def test_a_scene_is_called_by_its_file_and_where_that_is_not_enough_by_its_folder(paths, names):
    assert scene_names([Path(path) for path in paths]) == names


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/vsizip/folder/a.zip/2021/b.tif", "b"),
        ("zip://a.zip!b.tif", "b"),
        ("s3://bucket/scenes/B02.jp2", "B02"),
        ("https://host/x/b.tif?key=1/2&time=3", "b"),
        ('NETCDF:"/data/rain.nc":total', "rain_total"),
        ("NETCDF:/data/rain.nc:total", "rain_total"),
        (r'HDF5:"C:\data\f.h5"://grid/t', "f_t"),
        ("GTIFF_DIR:2:pages.tif", "2_pages"),
        ("s3://bucket/a b:c.tif", "a_b_c"),
    ],
)
def test_a_place_beyond_the_file_system_is_called_by_what_lies_there(path, name):
    assert scene_names([path]) == [name]


def test_two_places_of_one_name_are_told_apart():
    assert scene_names(["s3://one/a.tif", "s3://two/a.tif", Path("x/a.tif")]) == ["one__a", "two__a", "x__a"]


@given(st.lists(LOCAL | VIRTUAL, max_size=12))
def test_no_two_names_are_the_same_on_any_system(paths):
    names = scene_names(paths)
    assert len(names) == len(paths)
    assert len({name.casefold() for name in names}) == len(names)
    assert not any(set(name) & set('/\\:*?"<>|') for name in names)


def test_a_file_that_two_scenes_begin_with_gets_a_number():
    assert scene_names([Path("x/a.tif"), Path("x/a.tif"), Path("x/a__2.tif")]) == ["a", "a__3", "a__2"]
