from __future__ import annotations

import pickle

import pytest
from tiny_folders import placed, touch, write_random_image

from rs_da_mm.datasets.area_of_interest import AreaOfInterest
from rs_da_mm.datasets.scene_files import SceneFiles, SceneReading
from rs_da_mm.datasets.vector_labels import VectorChoice
from rs_da_mm.errors import RasterError


def test_rasters_and_vectors_are_told_apart(tmp_path):
    touch(tmp_path, "i.tif", "l.shp", "l.dbf", "h.tif", "q.tif", "area.gpkg")
    reading = SceneReading(vectors=VectorChoice(), area=AreaOfInterest(path=tmp_path / "area.gpkg"))
    paths = {name: tmp_path / name for name in ("i.tif", "l.shp", "h.tif", "q.tif")}
    files = SceneFiles("s", (paths["i.tif"],), paths["l.shp"], None, paths["h.tif"], (paths["q.tif"],), reading=reading)
    assert [path.name for path in files.rasters] == ["i.tif", "h.tif", "q.tif"]
    assert [path.name for path in files.vectors] == ["l.shp", "l.dbf", "area.gpkg"]
    assert files.all_files == files.rasters + files.vectors
    assert pickle.loads(pickle.dumps(files)) == files
    assert hash(files) == hash(pickle.loads(pickle.dumps(files)))


@pytest.mark.parametrize(
    ("name", "counts"), [("l.dbf", True), ("q.tif", True), ("area.gpkg", True), ("i.tif", True), ("h.tif", False)]
)
def test_the_fingerprint_follows_what_windows_depend_on(tmp_path, name, counts):
    for folder in ("one", "two"):
        touch(tmp_path / folder, "i.tif", "l.shp", "l.dbf", "h.tif", "q.tif", "area.gpkg")

    def files(folder):
        root = tmp_path / folder
        reading = SceneReading(vectors=VectorChoice(), area=AreaOfInterest(path=root / "area.gpkg"))
        return SceneFiles("s", (root / "i.tif",), root / "l.shp", None, root / "h.tif", (root / "q.tif",), reading=reading)

    assert files("one").fingerprint() == files("two").fingerprint()
    (tmp_path / "two" / name).write_bytes(b"another")
    assert (files("one").fingerprint() != files("two").fingerprint()) == counts


def test_an_edit_in_the_middle_of_a_vector_file_counts(tmp_path):
    content = bytearray(b"x" * 300_000)
    touch(tmp_path, "i.tif")
    files = SceneFiles("s", (tmp_path / "i.tif",), tmp_path / "l.gpkg", reading=SceneReading(vectors=VectorChoice()))
    (tmp_path / "l.gpkg").write_bytes(content)
    before = files.fingerprint()
    content[150_000] = 0
    (tmp_path / "l.gpkg").write_bytes(content)
    assert files.fingerprint() != before


def test_the_image_is_opened_as_the_reading_says(tmp_path):
    write_random_image(tmp_path / "b2.tif", (20, 30), 1)
    write_random_image(tmp_path / "b11.tif", (10, 15), 1, georeference=placed(20.0))
    paths = (tmp_path / "b2.tif", tmp_path / "b11.tif")
    assert SceneFiles("s", paths, paths[0], reading=SceneReading(resample="bilinear")).image().shape == (20, 30)
    with pytest.raises(RasterError, match="must be of one size, or be resampled"):
        SceneFiles("s", paths, paths[0]).image()
