from __future__ import annotations

from pathlib import Path

import pytest

from rs_da_mm.partial_files import begin_partial
from rs_da_mm.raster.partial import discard, publish


def names(folder: Path) -> list[str]:
    """The files in a folder, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


def test_a_finished_file_takes_the_place_and_the_old_sidecars_go(tmp_path):
    target = tmp_path / "a.tif"
    for suffix in ("", ".msk", ".ovr", ".aux.xml"):
        (tmp_path / f"a.tif{suffix}").write_text("old")
    new = begin_partial(target)
    new.write_text("new")
    publish(new, target)
    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.tif"]


def test_a_refusal_leaves_the_old_file(tmp_path):
    target = tmp_path / "a.tif"
    target.write_text("old")
    with pytest.raises(OSError):
        publish(tmp_path / "missing.tif", target)
    assert target.read_text() == "old"


def test_discarding_takes_what_gdal_put_beside(tmp_path):
    new = begin_partial(tmp_path / "a.tif")
    new.touch()
    new.with_name(new.name + ".aux.xml").touch()
    discard(new)
    discard(new)
    assert names(tmp_path) == []
