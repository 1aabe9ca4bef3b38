"""Counting what label rasters hold."""

from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.projects.findings import Findings
from rs_da_mm.projects.label_rasters import look_at_rasters
from rs_da_mm.raster import write_raster

RAW = np.random.default_rng(0).integers(0, 4, (70, 50)).astype(np.uint8)
PALETTE = [(0, 0, 0), (10, 20, 30), (200, 100, 0), (0, 0, 255)]


def look(*paths):
    findings = Findings()
    return look_at_rasters(paths, findings), findings.problems


def test_values_are_counted_without_those_that_are_no_data(tmp_path, monkeypatch):
    monkeypatch.setattr("rs_da_mm.projects.label_rasters._ROWS", 16)
    write_raster(tmp_path / "a.tif", RAW, nodata=0)
    content, problems = look(tmp_path / "a.tif", tmp_path / "a.tif")
    assert not problems
    assert content.counts == {value: 2 * int((value == RAW).sum()) for value in (1, 2, 3)}
    assert content.nodata == {0}


def test_a_palette_gives_its_colours_and_tags_the_names(tmp_path):
    write_raster(tmp_path / "a.tif", RAW, palette=PALETTE, tags={"CLASS_1": "water", "CLASS_2": "town"})
    content, _ = look(tmp_path / "a.tif")
    assert content.colours == dict(enumerate(PALETTE))
    assert content.names == {1: "water", 2: "town"}


def test_colours_and_palettes_together_are_colours(tmp_path):
    write_raster(tmp_path / "a.tif", RAW, palette=PALETTE)
    write_raster(tmp_path / "b.png", np.asarray(PALETTE, np.uint8)[RAW])
    content, _ = look(tmp_path / "a.tif", tmp_path / "b.png")
    spelled = ["#000000", "#0a141e", "#c86400", "#0000ff"]
    assert content.kind == "colours"
    assert content.counts == {one: 2 * int((value == RAW).sum()) for value, one in enumerate(spelled)}


def test_whole_numbers_may_be_stored_as_floating_point(tmp_path):
    write_raster(tmp_path / "a.tif", RAW.astype(np.float32))
    assert set(look(tmp_path / "a.tif")[0].counts) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (RAW.astype(np.float32) + 0.25, "0.25; labels are whole numbers"),
        (np.arange(70 * 50, dtype=np.uint16).reshape(70, 50), "3,500 different values"),
        (np.zeros((70, 50, 2), np.uint8), "has 2 bands"),
        (np.zeros((70, 50, 3), np.uint16), "three bands of uint16"),
    ],
)
def test_what_is_no_label_is_refused(tmp_path, pixels, told):
    write_raster(tmp_path / "a.tif", pixels)
    content, problems = look(tmp_path / "a.tif")
    assert content is None
    assert told in problems[0]
    assert "a.tif" in problems[0]


def test_a_file_without_palette_among_colours_is_refused(tmp_path):
    write_raster(tmp_path / "a.tif", RAW)
    write_raster(tmp_path / "b.png", np.asarray(PALETTE, np.uint8)[RAW])
    assert "without a palette" in look(tmp_path / "a.tif", tmp_path / "b.png")[1][0]
