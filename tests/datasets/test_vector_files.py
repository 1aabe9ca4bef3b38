from __future__ import annotations

import pytest
from tiny_folders import touch

from rs_da_mm.datasets.vector_files import files_of_vectors, is_vector_file


@pytest.mark.parametrize(
    ("name", "shapes"), [("a.GPKG", True), ("x/a.geojson", True), ("a.tif", False), ("a", False), ("a.shp", True)]
)
def test_shapes_are_told_by_their_suffix(name, shapes):
    assert is_vector_file(name) == shapes


def test_a_shapefile_is_several_files(tmp_path):
    touch(tmp_path, "a.shp", "a.dbf", "a.prj", "a.tif", "b.dbf")
    assert [path.name for path in files_of_vectors(tmp_path / "a.shp")] == ["a.shp", "a.dbf", "a.prj"]
    assert files_of_vectors(tmp_path / "c.gpkg") == (tmp_path / "c.gpkg",)


def test_a_geodatabase_is_a_folder(tmp_path):
    touch(tmp_path, "a.gdb/1.gdbtable", "a.gdb/2.gdbtable", "a.gdb/x.lock")
    assert [path.name for path in files_of_vectors(tmp_path / "a.gdb")] == ["1.gdbtable", "2.gdbtable"]
