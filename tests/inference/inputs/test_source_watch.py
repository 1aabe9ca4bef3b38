"""Files that change while they are read."""

from __future__ import annotations

import os
import zipfile

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.inference.inputs.source_watch import SourceWatch


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / name for name in ("a.tif", "b.tif")]
    for path in paths:
        path.write_bytes(b"pixels")
    return paths


def grow(path):
    path.write_bytes(b"more pixels")


def rewrite(path):
    path.write_bytes(b"others")
    os.utime(path, ns=(0, 1))


def replace(path):
    state = path.stat()
    path.with_name("new").write_bytes(b"others")
    os.utime(path.with_name("new"), ns=(state.st_atime_ns, state.st_mtime_ns))
    path.with_name("new").replace(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (grow, r"b\.tif changed while it was read: it had 6 bytes and has 11\. .*map the scene again"),
        (rewrite, r"b\.tif was written to while it was read"),
        (replace, r"b\.tif was replaced while it was read"),
        (lambda path: path.unlink(), r"b\.tif cannot be reached: No such file.*Bring it back"),
    ],
)
def test_a_file_that_changes_is_named(files, change, message):
    watch = SourceWatch(files)
    watch.check()
    change(files[1])
    with pytest.raises(InputError, match=message):
        watch.check()


@pytest.mark.parametrize(
    ("change", "expected"), [(grow, True), (rewrite, True), (replace, True), (lambda path: path.unlink(), False)]
)
def test_a_file_that_is_away_may_come_back_as_it_was(files, change, expected):
    watch = SourceWatch(files)
    assert not watch.has_changed
    change(files[1])
    assert watch.has_changed == expected


def test_reading_changes_nothing(files):
    watch = SourceWatch([str(files[0]), files[1]])
    files[0].read_bytes()
    watch.check()
    assert watch.files == tuple(files)


def test_a_file_that_is_not_there_is_refused_at_once(tmp_path):
    with pytest.raises(InputError, match=r"none\.tif cannot be reached"):
        SourceWatch([tmp_path / "none.tif"])


def test_of_a_raster_in_an_archive_the_archive_is_watched(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("b.tif", "pixels")
    watch = SourceWatch([f"/vsizip/{archive.as_posix()}/b.tif", "s3://bucket/c.tif"])
    assert [path.name for path in watch.files] == ["a.zip"]
    grow(archive)
    with pytest.raises(InputError, match=r"a\.zip changed"):
        watch.check()
