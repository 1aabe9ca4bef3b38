from __future__ import annotations

import os
import shutil

import pytest

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import scene_fingerprint


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(bytes(range(256)) * 1024)
    return path


def test_a_copy_has_the_same_key(path, tmp_path):
    key = scene_fingerprint([path])
    assert len(key) == 64
    assert int(key, 16)
    (tmp_path / "copy").mkdir()
    copy = shutil.copy(path, tmp_path / "copy")
    os.utime(copy, (0, 0))
    assert scene_fingerprint([copy]) == key == scene_fingerprint(str(path))


@pytest.mark.parametrize("where", [0, 65_535, -1, -65_536])
def test_other_content_at_either_end_has_another_key(path, where):
    key = scene_fingerprint([path])
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    assert scene_fingerprint([path]) != key


def test_name_size_and_order_count(path, tmp_path):
    key = scene_fingerprint([path])
    other = tmp_path / "b.tif"
    shutil.copy(path, other)
    assert scene_fingerprint([other]) != key
    assert scene_fingerprint([path, other]) != scene_fingerprint([other, path])
    path.write_bytes(path.read_bytes()[:65_536] + b"more" + path.read_bytes()[65_536:])
    assert scene_fingerprint([path]) != key


def test_a_file_shorter_than_what_is_read(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"short")
    (tmp_path / "b.tif").touch()
    assert scene_fingerprint([tmp_path / "a.tif", tmp_path / "b.tif"])


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(RasterError, match=r"a\.tif cannot be read: No such file"):
        scene_fingerprint(tmp_path / "a.tif")
