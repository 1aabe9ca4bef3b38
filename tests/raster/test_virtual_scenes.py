from __future__ import annotations

import gzip
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import Scene, Window, check_readable, scene_fingerprint
from rs_da_mm.raster.handles import open_raster, quiet, release

PLACE = {"crs": CRS.from_epsg(32650), "transform": Affine(2.0, 0.0, 500_000.0, 0.0, -2.0, 4_000_000.0)}
WINDOW = Window(33, 17, 100, 50)


SERVER = """
import re, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

class Files(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = Path(sys.argv[1], self.path.partition("?")[0].lstrip("/"))
        if not path.is_file():
            return self.send_error(404)
        content = path.read_bytes()
        asked = re.match(r"bytes=(\\d+)-(\\d+)", self.headers.get("Range", ""))
        start, stop = (int(asked[1]), int(asked[2]) + 1) if asked else (0, len(content))
        part = content[start:stop]
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(content)}")
        self.end_headers()
        if body:
            self.wfile.write(part)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server of the temporary folders, in a process of its own: rasterio opens a file without letting go of
    Python's lock."""
    command = [sys.executable, "-c", SERVER, str(tmp_path_factory.getbasetemp())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()


@pytest.fixture
def served(server, tmp_path, tmp_path_factory, monkeypatch):
    """The address of ``tmp_path``."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return f"{server}/{tmp_path.relative_to(tmp_path_factory.getbasetemp()).as_posix()}"


@pytest.fixture
def mask(pixels):
    mask = np.full(pixels.shape[:2], 255, np.uint8)
    mask[40:60, 20:90] = 0
    return mask


@pytest.fixture
def scene_file(tmp_path, plainly, pixels, mask):
    """A scene with its mask in a file beside it."""
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=False):
        path = plainly(tmp_path / "scene.tif", pixels, mask=mask, tiled=True, blockxsize=64, blockysize=64, **PLACE)
    assert path.with_name("scene.tif.msk").exists()
    return path


def pack(scene_file: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as into:
        into.write(scene_file, "folder/scene.tif")
        if Path(f"{scene_file}.msk").exists():
            into.write(f"{scene_file}.msk", "folder/scene.tif.msk")
    return archive


@pytest.fixture
def locations(scene_file, tmp_path, served):
    archive = pack(scene_file, tmp_path / "a.zip").as_posix()
    packed = gzip.compress(scene_file.read_bytes())
    (tmp_path / "scene.tif.gz").write_bytes(packed)
    return {
        "vsizip": f"/vsizip/{archive}/folder/scene.tif",
        "zip": f"zip://{archive}!folder/scene.tif",
        "gzip": f"/vsigzip/{(tmp_path / 'scene.tif.gz').as_posix()}",
        "http": f"{served}/scene.tif",
        "vsicurl": f"/vsicurl/{served}/scene.tif?signature=abc",
        "directory": f"GTIFF_DIR:1:{scene_file.as_posix()}",
        "file": scene_file.as_uri(),
    }


@pytest.mark.parametrize("kind", ["vsizip", "zip", "gzip", "http", "vsicurl", "directory", "file"])
def test_a_scene_reads_the_same_wherever_it_lies(locations, scene_file, pixels, mask, kind):
    location = locations[kind]
    scene = Scene(location)
    if kind != "file":
        assert scene.paths == (location,)
        assert repr(scene) == f"Scene({location}, 300 x 200, 3 x uint8)"
    assert (scene.crs, scene.transform) == (PLACE["crs"], PLACE["transform"])
    read, valid = pickle.loads(pickle.dumps(scene)).read_with_valid(WINDOW)
    np.testing.assert_array_equal(read, pixels[33:133, 17:67])
    if kind in ("vsizip", "zip", "http", "file"):  # the others have nothing beside them
        np.testing.assert_array_equal(valid, mask[33:133, 17:67] > 0)
    check_readable(location)


def test_files_of_several_places_are_one_scene(locations, pixels):
    scene = Scene([locations["zip"], locations["http"]], bands=(6, 1))
    np.testing.assert_array_equal(scene.read(WINDOW), pixels[33:133, 17:67, [2, 0]])
    assert scene.name == f"{locations['zip']} and 1 more"


def test_a_mask_may_lie_in_an_archive(locations, scene_file, plainly, tmp_path, mask):
    plain = plainly(tmp_path / "mask.tif", 255 - mask, **PLACE)
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as into:
        into.write(plain, "mask.tif")
    scene = Scene(scene_file, mask=f"zip://{(tmp_path / 'm.zip').as_posix()}!mask.tif")
    np.testing.assert_array_equal(scene.read_valid(), mask == 0)


def test_one_raster_of_a_container(tmp_path, plainly, pixels):
    source = plainly(tmp_path / "a.tif", pixels[:, :, :2], **PLACE)
    path = tmp_path / "a.nc"
    with quiet(), rasterio.Env():
        rasterio.shutil.copy(source, path, driver="netCDF")
    with pytest.raises(RasterError, match=r"container of several rasters; name one of them in its place: netcdf:.*Band2"):
        Scene(path)
    np.testing.assert_array_equal(Scene(f'NETCDF:"{path.as_posix()}":Band2').read()[:, :, 0], pixels[:, :, 1])


@pytest.mark.skipif(os.name == "nt", reason="Windows changes no file that is open")
def test_a_replaced_archive_is_opened_again(scene_file, tmp_path, plainly, pixels):
    archive = pack(scene_file, tmp_path / "a.zip")
    scene = Scene(f"/vsizip/{archive}/folder/scene.tif")
    before = open_raster(scene.paths[0])
    plainly(scene_file, pixels[::-1], **PLACE)
    pack(scene_file, archive)
    np.testing.assert_array_equal(scene.read(), pixels[::-1])
    assert before.closed


def test_what_lies_in_a_network_stays_open(locations):
    dataset = open_raster(locations["http"])
    assert open_raster(locations["http"]) is dataset
    release(locations["http"])
    assert dataset.closed


@pytest.mark.parametrize("location", ["s3://bucket/key.tif", "/vsis3/bucket//key.tif", "zip+https://host/a.zip!b.tif"])
def test_rasterio_is_given_what_the_user_wrote(monkeypatch, location):
    asked = []

    def refuse(path):
        asked.append(path)
        raise OSError("no network")

    monkeypatch.setattr(rasterio, "open", refuse)
    with pytest.raises(RasterError, match="is no raster that can be opened: no network") as error:
        Scene(location)
    assert asked == [location]
    assert location in str(error.value)


def test_what_is_not_there_is_told(tmp_path, served):
    for location in (f"/vsizip/{tmp_path}/missing.zip/a.tif", f"zip://{tmp_path}/missing.zip!a.tif", f"{served}/missing.tif"):
        with pytest.raises(RasterError, match=r"is no raster that can be opened: .+") as error:
            Scene(location)
        assert str(error.value).startswith(location)


def test_a_broken_connection_is_not_called_a_damaged_copy(locations, scene_file):
    location = locations["http"]
    scene = Scene(location)
    content = scene_file.read_bytes()
    scene_file.write_bytes(content[:40_000])
    with pytest.raises(RasterError, match=r"scene\.tif: rows 200\.\.299, columns 0\.\.199 cannot be read: .*connection"):
        scene.read(Window(200, 0, 100, 200))


class TestFingerprint:
    def test_of_a_raster_in_an_archive(self, scene_file, tmp_path):
        keys = []
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "a.zip").write_bytes(
                pack(scene_file, tmp_path / "a.zip").read_bytes() if not keys else (tmp_path / "one/a.zip").read_bytes()
            )
            keys.append(scene_fingerprint(f"/vsizip/{(tmp_path / folder / 'a.zip').as_posix()}/folder/scene.tif"))
        assert keys[0] == keys[1]
        other = scene_fingerprint(f"/vsizip/{(tmp_path / 'two/a.zip').as_posix()}/folder/other.tif")
        with (tmp_path / "two/a.zip").open("ab") as file:
            file.write(b"more")
        changed = scene_fingerprint(f"/vsizip/{(tmp_path / 'two/a.zip').as_posix()}/folder/scene.tif")
        assert len({keys[0], other, changed}) == 3

    def test_of_a_raster_in_a_network(self, locations, scene_file):
        key = scene_fingerprint(locations["http"])
        assert key == scene_fingerprint(locations["http"]) == scene_fingerprint(locations["http"] + "?signed=anew")
        assert key not in (scene_fingerprint(scene_file), scene_fingerprint(locations["vsicurl"]))

    def test_what_a_raster_says_and_three_of_its_blocks_count(self, tmp_path, plainly, pixels):
        def key(image, **more):
            path = plainly(tmp_path / "a.tif", image, tiled=True, blockxsize=64, blockysize=64, **PLACE, **more)
            with rasterio.MemoryFile(path.read_bytes(), dirname="fingerprint", filename="a.tif") as memory:
                return scene_fingerprint(memory.name)

        def changed(row, col):
            image = pixels.copy()
            image[row, col] ^= 1
            return image

        keys = [key(pixels), key(pixels, nodata=0), *(key(changed(*at)) for at in ((0, 0), (299, 199), (160, 130)))]
        assert len(set(keys)) == 5
        assert key(pixels) == keys[0]
