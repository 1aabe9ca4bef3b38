"""Which blocks can hold data."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from rasterio.windows import Window as FileWindow

from rs_da_mm.raster import Scene, Window
from rs_da_mm.raster.coverage import block_coverage

SIZE = (100, 150)  # the last blocks reach beyond the edge
PLACES = [(33, 40, 30, 20), (90, 140, 10, 10)]


def sparse(path, block=(32, 48), places=PLACES, count=2, alpha=None, mask=None, **options):
    """A file that holds ones in a few places, written and so stored, and nothing else."""
    profile = {"driver": "GTiff", "height": SIZE[0], "width": SIZE[1], "count": count, "dtype": "uint8", **options}
    layout = {"tiled": True, "blockysize": block[0], "blockxsize": block[1], "SPARSE_OK": True, "compress": "deflate"}
    with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", **layout, **profile) as dataset:
            if alpha is not None:
                dataset.colorinterp = [ColorInterp.alpha if band == alpha else ColorInterp.gray for band in range(1, count + 1)]
            for row, col, height, width in places:
                part = FileWindow(col, row, width, height)
                dataset.write(np.ones((count, height, width), profile["dtype"]), window=part)
                if mask:
                    dataset.write_mask(np.full((height, width), 255, np.uint8), window=part)
    return path


def cells_with_data(scene, cell):
    """The answer by reading everything."""
    valid = scene.read_valid()
    rows, cols = range(0, valid.shape[0], cell[0]), range(0, valid.shape[1], cell[1])
    return np.array([[valid[row : row + cell[0], col : col + cell[1]].any() for col in cols] for row in rows])


@pytest.mark.parametrize(
    "options",
    [
        {"nodata": 0},
        {"nodata": 7, "interleave": "band"},
        {"nodata": 0, "interleave": "pixel", "count": 3},
        {"nodata": float("nan"), "dtype": "float32"},
        {"count": 3, "alpha": 3, "interleave": "band"},
        {"count": 4, "alpha": 4, "interleave": "pixel"},
        {"mask": True},
        {"mask": True, "count": 1, "nodata": 9},
        {"nodata": 0, "crs": "EPSG:32650", "transform": rasterio.Affine(10, 0, 0, 0, -10, 0), "BIGTIFF": "YES"},
    ],
)
def test_the_cells_are_those_that_hold_data(tmp_path, options):
    scene = Scene(sparse(tmp_path / "a.tif", **options))
    coverage = block_coverage(scene)
    assert coverage.cell == (32, 48)
    np.testing.assert_array_equal(coverage.cells, cells_with_data(scene, coverage.cell))
    assert 0 < coverage.cells.sum() < coverage.cells.size


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ({}, {}),  # zeros are values like any other
        ({"nodata": 0, "count": 2}, {"nodata": 5}),  # what is left out reads as 0, which the user says is data
        ({"count": 3, "alpha": 3, "nodata": 255}, {}),  # what is left out reads as 255: opaque
        ({"nodata": 0, "places": [(0, 0, *SIZE)]}, {}),  # all is there
    ],
)
def test_nothing_is_told_where_nothing_is_known(tmp_path, options, how):
    assert block_coverage(Scene(sparse(tmp_path / "a.tif", **options), **how)) is None


def test_other_formats_tell_nothing(tmp_path, plainly, pixels):
    assert block_coverage(Scene(plainly(tmp_path / "a.png", pixels, driver="PNG", nodata=0))) is None


def test_the_nodata_value_that_the_user_names_counts(tmp_path):
    scene = Scene(sparse(tmp_path / "a.tif"), nodata=0)
    np.testing.assert_array_equal(block_coverage(scene).cells, cells_with_data(scene, (32, 48)))


def test_the_mask_of_a_scene_decides_alone(tmp_path):
    image = sparse(tmp_path / "image.tif", nodata=0, places=[(0, 0, 10, 10)])
    scene = Scene(image, mask=sparse(tmp_path / "mask.tif", count=1, block=(16, 16)))
    coverage = block_coverage(scene)
    assert coverage.cell == (16, 16)
    np.testing.assert_array_equal(coverage.cells, cells_with_data(scene, (16, 16)))
    assert not coverage.cells[0, 0]
    assert block_coverage(Scene(image, mask=sparse(tmp_path / "ones.tif", count=1, nodata=9))) is None  # reads as 9: not masked


@pytest.mark.parametrize(("other", "fits"), [((48, 32), False), ((16, 48), True), ((64, 96), True)])
def test_of_several_files_what_any_leaves_out_is_left_out(tmp_path, other, fits):
    one = sparse(tmp_path / "one.tif", nodata=0, places=[(0, 0, 60, 150)])
    two = sparse(tmp_path / "two.tif", nodata=0, places=[(40, 100, 60, 50)], block=other)
    whole = sparse(tmp_path / "whole.tif", places=[(0, 0, *SIZE)], block=(16, 16))
    scene = Scene([one, whole, two])
    coverage = block_coverage(scene)
    assert coverage.cell == (max(32, other[0]), max(48, other[1]))
    with_data = cells_with_data(scene, coverage.cell)
    assert not (with_data & ~coverage.cells).any()  # nothing is lost
    assert 0 < coverage.cells.sum() < coverage.cells.size
    if fits:  # cells that cut blocks may hold a bit more
        told = [cells_with_data(Scene(path), coverage.cell) for path in (one, two)]
        np.testing.assert_array_equal(coverage.cells, told[0] & told[1])


def test_bands_that_are_not_selected_do_not_count(tmp_path):
    path = sparse(tmp_path / "a.tif", nodata=0, interleave="band", places=[], transform=rasterio.Affine.scale(2))
    with rasterio.open(path, "r+") as dataset:
        dataset.write(np.ones((10, 10), np.uint8), 1, window=FileWindow(0, 0, 10, 10))
        dataset.write(np.ones((3, 3), np.uint8), 2, window=FileWindow(145, 97, 3, 3))
    first = np.zeros((4, 4), bool)
    first[0, 0] = True
    np.testing.assert_array_equal(block_coverage(Scene(path, bands=[1])).cells, first)
    np.testing.assert_array_equal(block_coverage(Scene(path, bands=[2])).cells, first[::-1, ::-1])


def test_no_pixel_is_read_for_it(tmp_path, monkeypatch):
    scene = Scene(sparse(tmp_path / "a.tif", nodata=0))
    asked = []
    read = type(scene._sources[0]).read
    monkeypatch.setattr(
        type(scene._sources[0]), "read", lambda self, window, out: asked.append(window) or read(self, window, out)
    )
    block_coverage(scene)
    assert asked == [Window(0, 0, 1, 1)]  # of a block that is not there
