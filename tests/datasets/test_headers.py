from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from rs_da_mm.datasets import GIDDataset, headers
from rs_da_mm.datasets.headers import SceneHeader, read_headers
from rs_da_mm.errors import DatasetError, RasterError
from rs_da_mm.raster import Georeference, write_raster

UTM = rasterio.crs.CRS.from_epsg(32649)
GRID = Affine(4.0, 0.0, 500_000.0, 0.0, -4.0, 3_300_000.0)


def scenes(root):
    return GIDDataset(root, lazy_init=True).layout.find()


def relabel(root, shape, georeference):
    write_raster(root / "label_5classes/a_label.tif", np.zeros((*shape, 3), dtype=np.uint8), georeference=georeference)


def test_headers_tell_size_bands_and_dtype(tmp_path, gid_maker):
    gid_maker({"a": (20, 30), "b": (16, 17)})
    assert read_headers(scenes(tmp_path), tmp_path / "h.json") == [
        SceneHeader(20, 30, 3, "uint8", (None,) * 3, (None,) * 3),
        SceneHeader(16, 17, 3, "uint8", (None,) * 3, (None,) * 3),
    ]


def test_only_new_and_changed_scenes_are_opened_again(tmp_path, gid_maker, monkeypatch):
    gid_maker({"a": (20, 30), "b": (16, 16)})
    before = read_headers(scenes(tmp_path), tmp_path / "h.json")
    opened = []
    read = headers.read_header
    monkeypatch.setattr(headers, "read_header", lambda files: opened.append(files.scene) or read(files))
    assert read_headers(scenes(tmp_path), tmp_path / "h.json") == before
    assert opened == []
    gid_maker({"b": (24, 16)}, seed=1)
    assert read_headers(scenes(tmp_path), tmp_path / "h.json")[1].height == 24
    assert opened == ["b"]


@pytest.mark.parametrize("content", ["", "[]", '{"version": 99}', '{"version": 1, "headers": {"x": [1]}}'])
def test_a_cache_of_another_form_is_made_anew(tmp_path, gid_maker, content):
    gid_maker({"a": (20, 30)})
    (tmp_path / "h.json").write_text(content)
    assert read_headers(scenes(tmp_path), tmp_path / "h.json")[0].height == 20
    assert '"version": 1' in (tmp_path / "h.json").read_text()


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path, gid_maker):
    gid_maker({"a": (20, 30)})
    (tmp_path / "blocked").write_text("a file, where a folder is needed")
    assert read_headers(scenes(tmp_path), tmp_path / "blocked" / "h.json")[0].width == 30


@pytest.mark.parametrize(
    ("shape", "georeference", "said"),
    [
        ((20, 29), Georeference(UTM, GRID), "size 20 x 30 against 20 x 29"),
        ((20, 30), Georeference(rasterio.crs.CRS.from_epsg(32650), GRID), "CRS EPSG:32649 against EPSG:32650"),
        ((20, 30), Georeference(UTM, Affine(4.0, 0.0, 500_004.0, 0.0, -4.0, 3_300_000.0)), "grids 1 pixels apart"),
    ],
)
def test_a_label_that_does_not_lie_on_its_image_is_refused(tmp_path, gid_maker, shape, georeference, said):
    gid_maker({"a": (20, 30)})
    relabel(tmp_path, shape, georeference)
    with pytest.raises(DatasetError, match=rf"a_label\.tif does not lie on .*a\.tif: .*{said}"):
        read_headers(scenes(tmp_path), tmp_path / "h.json")


def test_a_label_without_georeference_only_needs_the_size(tmp_path, gid_maker):
    gid_maker({"a": (20, 30)})
    relabel(tmp_path, (20, 30), None)
    assert read_headers(scenes(tmp_path), tmp_path / "h.json")[0].bands == 3


def test_a_file_that_is_no_raster_is_named(tmp_path, gid_maker):
    gid_maker({"a": (20, 30)})
    (tmp_path / "image_RGB/a.tif").write_bytes(b"II*\0")
    with pytest.raises(RasterError, match=r"a\.tif"):
        read_headers(scenes(tmp_path), tmp_path / "h.json")
