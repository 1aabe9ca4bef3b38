from __future__ import annotations

import shutil

import numpy as np
import pytest
import rasterio
from affine import Affine

from rs_da_mm.datasets import GIDDataset
from rs_da_mm.datasets.checks import check_files, check_scene, find_unknown_labels
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Georeference, write_raster

UTM = rasterio.crs.CRS.from_epsg(32649)
GRID = Affine(4.0, 0.0, 500_000.0, 0.0, -4.0, 3_300_000.0)


def lazy(root, **options):
    return GIDDataset(root, **{"window_size": 8, "lazy_init": True, **options})


def kinds(root, **options):
    return [(problem.kind, problem.scene) for problem in check_files(lazy(root, **options))]


def label(root, scene="a"):
    return root / "label_5classes" / f"{scene}_label.tif"


def image(root, scene="a"):
    return root / "image_RGB" / f"{scene}.tif"


def cut(path, share):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def never_closed(path):
    """What a killed writer leaves: a header that says where nothing is."""
    form = {"driver": "GTiff", "height": 600, "width": 600, "count": 3, "dtype": "uint8", "crs": UTM, "transform": GRID}
    with rasterio.open(path, "w", tiled=True, SPARSE_OK=True, **form):
        pass


def grey(path):
    write_raster(path, np.zeros((20, 20), dtype=np.uint8), georeference=Georeference(UTM, GRID))


def recoloured(path):
    with rasterio.open(path) as file:
        colours = file.read().transpose(1, 2, 0)
    colours[3, 4] = (1, 2, 3)
    write_raster(path, colours, georeference=Georeference(UTM, GRID))


def shrunk(path):
    write_raster(path, np.zeros((20, 19, 3), dtype=np.uint8), georeference=Georeference(UTM, GRID))


def moved(path):
    elsewhere = Georeference(rasterio.crs.CRS.from_epsg(32650), GRID)
    write_raster(path, np.zeros((20, 20, 3), dtype=np.uint8), georeference=elsewhere)


def test_a_sound_data_set_has_no_problems(tmp_path, gid_maker):
    gid_maker({"a": (20, 20), "b": (30, 16)})
    assert kinds(tmp_path) == []


@pytest.mark.parametrize(
    ("path", "damage", "kind", "said"),
    [
        (image, lambda path: cut(path, 0.6), "unreadable", "a.tif"),
        (image, lambda path: path.write_bytes(b"II*\0"), "unreadable", "a.tif"),
        (image, never_closed, "unreadable", "a.tif"),
        (label, lambda path: cut(path, 0.6), "unreadable", "a_label.tif"),
        (
            label,
            recoloured,
            "mislabelled",
            "a_label.tif: unknown label colour (1, 2, 3) on 1 pixels, the first at row 3, column 4",
        ),
        (label, grey, "mislabelled", "a_label.tif: the label has one band"),
        (label, shrunk, "misaligned", "size 20 x 20 against 20 x 19"),
        (label, moved, "misaligned", "CRS EPSG:32649 against EPSG:32650"),
        (label, lambda path: path.unlink(), "missing file", "a_label.tif' or "),
    ],
)
def test_every_damage_is_found_and_named(tmp_path, gid_maker, path, damage, kind, said):
    gid_maker({"a": (20, 20), "b": (20, 20)})
    damage(path(tmp_path))
    (problem,) = check_files(lazy(tmp_path))
    assert (problem.kind, problem.scene) == (kind, "a")
    assert said in problem.text


def test_all_problems_are_listed_and_none_hides_another(tmp_path, gid_maker):
    gid_maker(dict.fromkeys("abcdefgh", (20, 20)))
    cut(image(tmp_path, "a"), 0.6)
    recoloured(label(tmp_path, "a"))
    shrunk(label(tmp_path, "b"))
    label(tmp_path, "c").unlink()
    image(tmp_path, "d").unlink()
    (tmp_path / "label_5classes" / "e_5label.tif").write_bytes(label(tmp_path, "e").read_bytes())
    shutil.copy(image(tmp_path, "f"), image(tmp_path, "g"))
    write_raster(image(tmp_path, "h"), np.zeros((20, 20, 4), dtype=np.uint8), georeference=Georeference(UTM, GRID))
    expected = [
        ("duplicate", "g"),
        ("mislabelled", "a"),
        ("misaligned", "b"),
        ("missing file", ""),
        ("missing file", "c"),
        ("other bands", "h"),
        ("two files", "e"),
        ("unreadable", "a"),
    ]
    assert sorted(kinds(tmp_path)) == sorted(expected)


def test_listed_scenes_that_are_missing_are_problems_and_others_do_not_matter(tmp_path, gid_maker):
    gid_maker({"a": (20, 20), "b": (20, 20)})
    label(tmp_path, "b").unlink()
    assert kinds(tmp_path, scenes=["a", "z"]) == [("missing file", "z")]


def test_a_scene_too_small_for_a_window_is_a_problem(tmp_path, gid_maker):
    gid_maker({"a": (20, 20), "b": (7, 20)})
    assert kinds(tmp_path) == [("no window", "b")]
    assert kinds(tmp_path, edge="shift") == [("no window", "b")]
    assert kinds(tmp_path, edge="pad") == []


def test_unknown_colours_are_counted_over_the_whole_file(tmp_path, gid_maker):
    gid_maker({"a": (1100, 16)})
    with rasterio.open(label(tmp_path)) as file:
        colours = file.read().transpose(1, 2, 0)
    colours[10, 3] = colours[600, 5] = colours[1090, 1] = (1, 2, 3)
    colours[1050, 2] = (9, 9, 9)
    write_raster(label(tmp_path), colours)
    found = find_unknown_labels(label(tmp_path), lazy(tmp_path).label_code)
    assert [tuple(one) for one in found] == [((1, 2, 3), 3, 10, 3), ((9, 9, 9), 1, 1050, 2)]


def test_damage_outside_the_windows_is_found_too(tmp_path, gid_maker):
    gid_maker({"a": (20, 20)})
    with rasterio.open(label(tmp_path)) as file:
        colours = file.read().transpose(1, 2, 0)
    colours[19, 19] = (1, 2, 3)  # the windows of 8 end at 16
    write_raster(label(tmp_path), colours, georeference=Georeference(UTM, GRID))
    (files,) = lazy(tmp_path).layout.find()
    assert [problem.kind for problem in check_scene(files, lazy(tmp_path).label_code)] == ["mislabelled"]


def test_no_data_set_at_all_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="There is no data set at"):
        check_files(lazy(tmp_path / "nowhere"))
