"""Finding the scenes that are meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import rasterio

from rs_da_mm.errors import InputError
from rs_da_mm.inference.inputs.scene_input import SceneInput, find_scenes


@pytest.fixture(autouse=True)
def nothing_is_opened(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a file was opened")

    monkeypatch.setattr(rasterio, "open", refuse)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Rasters and what lies about beside them; the files are empty, which nobody notices who does not open them."""
    for name in [
        "b.tif",
        "a.TIF",
        "c.vrt",
        "a_mask.TIF",
        "b_mask.tif",
        "city_mask.tif",
        "b.tif.ovr",
        "b.tif.msk",
        "b.tif.aux.xml",
    ]:
        (tmp_path / name).touch()
    for name in ["notes.txt", "b.tfw", ".b.tif.partial-1.tif", "deep/b.tif", "deep/er/d.jp2", ".hidden/e.tif", "x,y.tif"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spelled(scenes):
    return [",".join(path if isinstance(path, str) else path.as_posix() for path in scene.paths) for scene in scenes]


def test_a_file_is_a_scene(folder):
    assert list(find_scenes(["b.tif", "c.vrt"])) == [
        SceneInput("b", (Path("b.tif"),)),
        SceneInput("c", (Path("c.vrt"),)),
    ]
    assert list(find_scenes("b.tif")) == list(find_scenes([Path("b.tif")])) == [SceneInput("b", (Path("b.tif"),))]


def test_a_folder_is_its_rasters_without_what_belongs_to_them(folder):
    scenes = list(find_scenes([str(folder)]))
    assert [path.relative_to(folder).as_posix() for scene in scenes for path in scene.paths] == [
        "a.TIF", "b.tif", "c.vrt", "city_mask.tif", "x,y.tif",
    ]  # fmt: skip
    assert [scene.name for scene in scenes] == ["a", "b", "c", "city_mask", "x,y"]


def test_a_folder_is_looked_into_deeper_when_asked(folder):
    scenes = list(find_scenes(["."], recursive=True))
    assert spelled(scenes) == ["a.TIF", "b.tif", "c.vrt", "city_mask.tif", "x,y.tif", "deep/b.tif", "deep/er/d.jp2"]
    assert [scene.name for scene in scenes if scene.name.endswith("b")] == [f"{folder.name}__b", "deep__b"]


def test_a_pattern_picks_files_of_a_folder(folder):
    assert spelled(find_scenes(["."], pattern="?.*", recursive=True)) == [
        "a.TIF", "b.tfw", "b.tif", "c.vrt", "deep/b.tif", "deep/er/d.jp2",
    ]  # fmt: skip
    assert spelled(find_scenes(["."], pattern="*_mask.tif")) == ["city_mask.tif"]


def test_masks_beside_scenes_are_used_when_asked(folder):
    scenes = {scene.name: scene for scene in find_scenes([".", "deep/b.tif,c.vrt"], masks=True)}
    assert scenes["a"].mask == Path("a_mask.TIF")
    assert scenes["c"].mask is None
    assert scenes[f"{folder.name}__b"].mask == Path("b_mask.tif")
    assert scenes["deep__b"].mask is None
    assert all(scene.mask is None for scene in find_scenes(["."]))
    (folder / "c.nodata.png").touch()
    assert next(find_scenes(["c.vrt"], masks=True, mask_suffix=".nodata")).mask == Path("c.nodata.png")


def test_several_files_make_one_scene(folder):
    assert list(find_scenes(["b.tif,deep/b.tif, c.vrt"])) == [
        SceneInput("b", (Path("b.tif"), Path("deep/b.tif"), Path("c.vrt"))),
    ]


def test_a_file_with_a_comma_in_its_name_is_one(folder):
    assert list(find_scenes(["x,y.tif"])) == [SceneInput("x,y", (Path("x,y.tif"),))]


def test_a_list_names_scenes_relative_to_itself(folder):
    lines = ["# scenes of 2021", "", "b.tif", "  er/d.jp2  ", "b.tif,../c.vrt", str(folder / "c.vrt"), "s3://bucket/e.tif"]
    (folder / "deep" / "list.txt").write_text("\ufeff" + "\n".join(lines), encoding="utf-8")
    scenes = list(find_scenes(["deep/list.txt"]))
    assert spelled(scenes) == [
        "deep/b.tif", "deep/er/d.jp2", "deep/b.tif,deep/../c.vrt", (folder / "c.vrt").as_posix(), "s3://bucket/e.tif",
    ]  # fmt: skip


def test_a_line_that_is_wrong_is_named(folder):
    (folder / "list.txt").write_text("b.tif\n\ndeep/none.tif\n")
    with pytest.raises(InputError, match=r"list\.txt, line 3: deep.none\.tif does not exist"):
        find_scenes(["list.txt"])
    (folder / "list.txt").write_text("deep\n")
    with pytest.raises(InputError, match=r"list\.txt, line 1: deep is a folder"):
        find_scenes(["list.txt"])


@pytest.mark.parametrize(
    "path",
    [
        "/vsizip/a.zip/b.tif",
        "/vsicurl?url=https%3A%2F%2Fhost%2Fb.tif&list_dir=no",
        "zip://a.zip!b.tif",
        "zip+s3://bucket/a.zip!b.tif",
        "s3://bucket/b.tif",
        "https://host/b.tif?box=1,2,3,4",
        'NETCDF:"a.nc":rain',
        "GTIFF_DIR:2:b.tif",
        "SENTINEL2_L1C:/vsizip/S2A.zip/S2A.SAFE/MTD_MSIL1C.xml:10m:EPSG_32630",
    ],
)
def test_a_place_beyond_the_file_system_is_handed_on_to_the_letter(folder, monkeypatch, path):
    monkeypatch.setattr(Path, "stat", lambda *_, **__: pytest.fail("the disk was asked"))
    assert [scene.paths for scene in find_scenes([path], masks=True)] == [(path,)]


def test_such_places_can_be_one_scene_too(folder):
    assert spelled(find_scenes(["s3://b/2,1.tif,s3://b/3.tif", "b.tif,/vsizip/a.zip/b.tif"])) == [
        "s3://b/2,1.tif,s3://b/3.tif",
        "b.tif,/vsizip/a.zip/b.tif",
    ]
    assert [len(scene.paths) for scene in find_scenes(["s3://b/2,1.tif,s3://b/3.tif", "b.tif,/vsizip/a.zip/b.tif"])] == [2, 2]


def test_a_scene_that_is_named_twice_is_one(folder):
    assert spelled(find_scenes(["c.vrt", ".", "./b.tif", str(folder / "b.tif")])) == [
        "c.vrt", "a.TIF", "b.tif", "city_mask.tif", "x,y.tif",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("none.tif", r"none\.tif does not exist\. A scene is a raster, or several with commas"),
        ("b.tif,none.tif", r"^none\.tif does not exist"),
        ("b.tif,,c.vrt", r"a file without a name does not exist"),
        ("", r"a file without a name does not exist"),
        (".hidden/none", "does not exist"),
        ("notes.txt", r"The list notes\.txt names no scene"),
        ("empty", r"The folder empty holds no raster with an ending such as \.tif.*not looked into"),
        ("latin.txt", r"The list latin\.txt cannot be read: .*UTF-8"),
    ],
)
def test_what_cannot_be_found_is_named(folder, argument, message):
    (folder / "empty").mkdir()
    (folder / "latin.txt").write_bytes(b"M\xfcnchen.tif\n")
    with pytest.raises(InputError, match=message):
        find_scenes([argument])


def test_an_empty_suffix_for_masks_is_refused(folder):
    with pytest.raises(InputError, match="would make every raster a mask"):
        find_scenes(["."], mask_suffix="")


def test_a_pattern_that_nothing_fits_is_named(folder):
    with pytest.raises(InputError, match=r"holds no raster named \*\.img\. "):
        find_scenes(["."], pattern="*.img", recursive=True)


def test_ten_thousand_scenes_are_found_without_opening_one(tmp_path):
    for number in range(10_000):
        (tmp_path / f"{number:05d}.tif").touch()
    (tmp_path / "list.txt").write_text("".join(f"{number:05d}.tif\n" for number in range(10_000)))
    for argument in (tmp_path, tmp_path / "list.txt"):
        assert [scene.name for scene in find_scenes([argument])] == [f"{number:05d}" for number in range(10_000)]
