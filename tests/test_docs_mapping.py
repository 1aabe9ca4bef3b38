"""What docs/mapping.md says can be typed: its examples run, and its options are those of the tool."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray
import zarr
from tiny_segmentors import META, macunet, save, trained

from rs_da_mm.inference import SceneInferencer
from rs_da_mm.inference.maps.places import MapPlaces
from rs_da_mm.raster import Scene, Window, write_raster

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "mapping.md").read_text(encoding="utf-8")
TORCHRUN, PUBLISH = {"--nproc_per_node"}, {"--pixel-size"}


def example(word):
    (found,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL) if word in block)
    return compile(found, "docs/mapping.md", "exec")


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder with a model of windows of 48 pixels, and a scene as GeoTIFF and as Zarr, that has a corner without data."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.chdir(tmp_path)
    config = macunet()
    config.train_dataloader = dict(dataset=dict(type="GIDDataset", window_size=48))
    config.dump("my_config.py")
    save(trained(config), tmp_path / "my_weights.pth", META)
    pixels = np.random.default_rng(0).integers(1, 1000, (100, 130, 4)).astype(np.uint16)
    pixels[:20, :30] = 0
    write_raster("town.tif", pixels, nodata=0)
    xarray.Dataset({"image": (("band", "y", "x"), pixels.transpose(2, 0, 1))}).to_zarr("scene.zarr")
    yield tmp_path
    torch.set_num_threads(threads)


def test_the_example_of_xarray_and_zarr_gives_the_map_of_the_geotiff_and_goes_on_where_it_was(workplace, capsys):
    code = example("xarray")
    exec(code, {})
    SceneInferencer("my_config.py", "my_weights.pth")("town.tif", "map.tif")
    expected = Scene("map.tif").read()[..., 0]
    assert set(np.unique(expected)) == {0, 1, 2, 255}

    labels = zarr.open_array("labels.zarr", mode="r+")
    np.testing.assert_array_equal(labels[:], expected)
    assert labels.attrs["rows"] == 100
    windows = int(re.fullmatch(r"(\d+) windows in \d+ s\n", capsys.readouterr().out)[1])
    assert windows == 3 * 4

    done = SceneInferencer("my_config.py", "my_weights.pth").plan(100, 130).finished_rows(1)[1]
    labels.attrs["rows"] = done
    labels[done:] = 7
    exec(code, {})
    np.testing.assert_array_equal(labels[:], expected)
    assert int(capsys.readouterr().out.split()[0]) < windows


def test_the_example_of_xarray_reads_no_more_than_a_window(workplace):
    names = {}
    exec(example("xarray"), names)
    read = []

    class Image:
        shape, dtype = (4, 100, 130), np.dtype(np.uint16)

        def isel(self, y, x):
            read.append((y, x))
            return xarray.DataArray(np.ones((4, len(range(100)[y]), len(range(130)[x])), np.uint16))

    source = names["XarraySource"](Image())
    pixels, valid = source.read_with_valid(Window(90, 120, 16, 16))
    assert read == [(slice(90, 106), slice(120, 136))]
    assert (pixels.shape, pixels.dtype, valid.dtype) == ((16, 16, 4), np.uint16, np.uint8)
    np.testing.assert_array_equal(valid, np.pad(np.ones((10, 10)), (0, 6)))
    np.testing.assert_array_equal(pixels, np.repeat(valid[..., None], 4, axis=2))


def test_the_example_of_a_geotiff(workplace, capsys):
    Path("maps").mkdir()
    exec(example("MapOptions"), {})
    assert {path.name for path in Path("maps").iterdir()} == {"town.tif", "town.json", "town.qml", "town.png", "town_scores.tif"}
    told = capsys.readouterr().out.splitlines()
    shares = [float(line.split()[1]) for line in told if line.split()[0] in META["dataset_meta"]["classes"]]
    assert sum(shares) == pytest.approx(1)


def test_the_options_are_those_of_the_tool(monkeypatch, capsys):
    for variable in ("OMP_WAIT_POLICY", "GDAL_CACHEMAX"):  # which the tool sets where they are not
        monkeypatch.setenv(variable, "")
    monkeypatch.setattr("sys.argv", ["segment_scene.py", "--help"])
    tool = runpy.run_path(str(ROOT / "tools" / "segment_scene.py"))
    with pytest.raises(SystemExit):
        tool["parse_arguments"]()
    options = set(re.findall(r"(?<![\w-])--[a-z][\w-]+", capsys.readouterr().out)) - {"--help"}
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]+", PAGE)) - TORCHRUN - PUBLISH == options


def test_the_files_are_those_that_are_written():
    places = MapPlaces(Path("town.tif"))
    kinds = ("labels", "scores", "uncertainty", "vectors", "preview", "style", "record")
    told = re.findall(r"^\| `(town\S*)` \| .* \| .* \|$", PAGE, flags=re.MULTILINE)
    assert sorted(told) == sorted(getattr(places, kind).name for kind in kinds)
    assert f"`{places.unfinished.name}/`" in PAGE
