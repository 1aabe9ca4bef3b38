"""tools/assess.py as a person types it, and what docs/accuracy.md says of it."""

from __future__ import annotations

import argparse
import json
import re
import runpy
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.raster import Georeference, write_raster

shapely = pytest.importorskip("shapely")
pyogrio = pytest.importorskip("pyogrio")

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / "tools" / "assess.py"
PAGE = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
NAMES = ("forest", "meadow", "water")


@pytest.fixture
def tool(monkeypatch, capsys):
    """Run the tool in this process; gives its exit status, and what it wrote to both streams."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["assess.py", *map(str, words)])
        status = 0
        try:
            runpy.run_path(str(TOOL), run_name="__main__")
        except SystemExit as left:
            status = left.code or 0
        out, err = capsys.readouterr()
        return status, out, err

    return run


@pytest.fixture
def town(tmp_path, monkeypatch):
    """A folder with maps/town.tif and its truth, truth.tif, where one pixel of eight is wrong in the map."""
    monkeypatch.chdir(tmp_path)
    Path("maps").mkdir()
    rng = np.random.default_rng(0)
    truth = rng.choice([0, 1, 2], (120, 150), p=[0.5, 0.4, 0.1]).astype(np.uint8)
    labels = np.where(rng.random(truth.shape) < 1 / 8, (truth + 1) % 3, truth).astype(np.uint8)
    place = Georeference(CRS.from_epsg(32632), Affine(10, 0, 500_000, 0, -10, 5_600_000))
    tags = {f"CLASS_{number}": name for number, name in enumerate(NAMES)}
    for path, pixels in (("maps/town.tif", labels), ("truth.tif", truth)):
        write_raster(path, pixels, georeference=place, nodata=255, tags=tags)
    return tmp_path


def label(path, share=1.0):
    """Do what a person does in QGIS: put the true class into the field of each point."""
    said, ids, shapes, (numbers, _) = pyogrio.raw.read(path, return_fids=True)
    with rasterio.open("truth.tif") as truth:
        true = [NAMES[value[0]] for value in truth.sample(shapely.get_coordinates(shapely.from_wkb(shapes)))]
    count = int(share * len(ids))
    labels = np.array([*true[:count], *[None] * (len(ids) - count)], object)
    Path(path).unlink()
    pyogrio.raw.write(
        path,
        shapes,
        [numbers, labels],
        np.array(["id", "class"], object),
        geometry_type="Point",
        crs=said["crs"],
        layer="points",
    )


def refusal(answer):
    """The one sentence in which something is refused."""
    assert answer[0] == 1, answer
    (error,) = [line for line in answer[2].splitlines() if "error: " in line]
    assert "Traceback" not in answer[2]
    return error


def test_from_a_map_to_its_accuracy(tool, town):
    status, out, _ = tool("maps/town.tif", "points.gpkg", "--sample", 400)
    assert status == 0
    assert re.search(r"water: \d+\.\d\d % of the map, \d+ points\n400 points are in points\.gpkg, in random order", out)
    label("points.gpkg", share=0.9)
    status, out, err = tool(
        "maps/town.tif", "points.gpkg", "--json", "out/town.json", "--markdown", "out/town.md", "--confidence", 0.9
    )
    assert (status, err) == (0, "")
    assert "left out   40 without a class" in out
    found = json.loads(Path("out/town.json").read_text(encoding="utf-8"))
    assert found["units"]["count"] == 360
    overall = found["overall_accuracy"]
    assert abs(overall["estimate"] - 7 / 8) < 2.6 / 1.645 * overall["half_width"]
    assert f"overall {100 * overall['estimate']:.2f} ± {100 * overall['half_width']:.2f}" in out
    assert Path("out/town.md").read_text(encoding="utf-8").startswith("# Accuracy assessment")
    assert f"± at 90 % confidence; overall {100 * overall['estimate']:.2f}" in Path("out/town.md").read_text(encoding="utf-8")


def test_wall_to_wall(tool, town):
    status, out, _ = tool("maps/town.tif", "truth.tif")
    assert status == 0
    assert re.search(r"Accuracy in %; overall 87\.\d\d", out)


def test_codes_and_sizes_from_the_command_line(tool, town):
    x, y = np.meshgrid(500_005 + 10 * np.arange(0, 150, 5), 5_599_995 - 10 * np.arange(0, 120, 5))
    side = np.where(x < 500_750, "west", "east").ravel()
    lines = [f"{a},{b},{'wood' if a < 500_400 else 'lake'},{c}" for a, b, c in zip(x.ravel(), y.ravel(), side, strict=True)]
    Path("grid.csv").write_text("\n".join(["x,y,seen,side", *lines]), encoding="utf-8")
    words = ["maps/town.tif", "grid.csv", "--field", "seen", "--crs", "EPSG:32632"]
    assert "holds 'wood' (192), 'lake' (528), which the map does not name" in refusal(tool(*words))
    words += ["--codes", "wood=forest", "lake=pond", "--extra-classes", "pond"]
    status, out, _ = tool(*words, "--design", "random")
    assert status == 0
    assert "design     simple random or systematic sample" in out
    status, out, _ = tool(*words, "--strata", "side", "--stratum-sizes", "west=75", "east=75")
    assert status == 0
    assert "2 strata: west, east" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--codes", "wood"], "--codes wood: NAME=VALUE was expected"),
        (["--stratum-sizes", "a=b"], "--stratum-sizes a=b: b is no number"),
        (["--json", "maps/town.json"], "maps/town.json: is the map, its record, or the reference"),
        (["--markdown", "truth.tif"], "truth.tif: is the map, its record, or the reference"),
        (["--confidence", "2"], "--confidence 2: must lie between 0 and 1"),
    ],
)
def test_what_is_typed_wrongly_is_told_in_a_sentence(tool, town, words, message):
    assert message in refusal(tool("maps/town.tif", "truth.tif", *words))


def test_options_of_assessing_do_not_go_with_drawing(tool, town):
    answer = tool("maps/town.tif", "p.csv", "--sample", 300, "--strata", "truth.tif")
    assert "--strata: does not go with --sample, which draws points to label. To draw within strata, give" in refusal(answer)
    assert not Path("p.csv").exists()


@pytest.mark.parametrize("words", [["--sample", "many"], ["--design", "clever"]])
def test_words_that_are_no_option(tool, town, words):
    assert tool("maps/town.tif", "truth.tif", *words)[0] == 2


def test_an_unwritable_report_is_told(tool, town):
    Path("file").write_text("", encoding="utf-8")
    assert "could not be written" in refusal(tool("maps/town.tif", "truth.tif", "--json", "file/out.json"))


def test_the_page_names_the_options_of_the_tool(monkeypatch):
    module = runpy.run_path(str(TOOL))
    made = []
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", lambda parser: made.append(parser))
    module["parse_arguments"]()
    known = {option for action in made[0]._actions for option in action.option_strings if option.startswith("--")}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert named <= known | {"--epsg"}, named - known
    assert known - named == {"--help"}


def test_the_commands_of_the_page_run(tool, town):
    """In their order, in one folder; labelling is what a person does between them."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    commands = [
        line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("python tools/assess.py")
    ]
    assert len(commands) >= 5
    _prepare_files_of_the_page()
    for command in commands:
        words = shlex.split(command, comments=True)[2:]
        status, out, err = tool(*words)
        assert status == 0, (command, err)
        if "--sample" in words:
            label(words[1])
        else:
            assert "overall" in out


def _prepare_files_of_the_page():
    """The files that the page takes for given: zones.tif, zone_points.gpkg, fields.gpkg and survey.csv."""
    place = Georeference(CRS.from_epsg(32632), Affine(10, 0, 500_000, 0, -10, 5_600_000))
    write_raster("zones.tif", np.repeat(np.array([1, 2], np.uint8), 75)[None].repeat(120, 0), georeference=place)
    rng = np.random.default_rng(1)
    kinds = np.array([NAMES[number] for number in rng.integers(0, 3, 40)], object)
    rows, cols = rng.integers(0, 12, 40), rng.integers(0, 15, 40)
    boxes = shapely.box(500_000 + 100 * cols, 5_600_000 - 100 * (rows + 1), 500_100 + 100 * cols, 5_600_000 - 100 * rows)
    points = shapely.points(500_005 + 100 * cols, 5_599_995 - 100 * rows)
    for path, shapes, field, kind in (("fields.gpkg", boxes, "crop", "Polygon"), ("zone_points.gpkg", points, "class", "Point")):
        fields = np.array([field], object)
        pyogrio.raw.write(path, shapely.to_wkb(shapes), [kinds], fields, geometry_type=kind, crs="EPSG:32632")
    seen = zip(*rng.integers(0, 110, (2, 300)), ["wood", "lake", "scrub"] * 100, strict=True)
    lines = [f"{500_005 + 10 * col},{5_599_995 - 10 * row},{kind}" for row, col, kind in seen]
    Path("survey.csv").write_text("\n".join(["x,y,seen", *lines]), encoding="utf-8")
