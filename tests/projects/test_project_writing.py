"""A project's folder appears whole or not at all."""

from __future__ import annotations

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.projects.config_text import FIRST_LINE
from rs_da_mm.projects.writing import project_folder


def write(out, text="new", overwrite=False):
    with project_folder(out, overwrite) as folder:
        (folder / "config.py").write_text(f"{FIRST_LINE}\n{text}")


def test_a_folder_appears_when_all_is_written(tmp_path):
    out = tmp_path / "deep" / "project"
    with project_folder(out, False) as folder:
        (folder / "config.py").write_text("x")
        assert not out.exists()
    assert (out / "config.py").read_text() == "x"
    assert [path.name for path in out.parent.iterdir()] == ["project"]


def test_what_fails_leaves_nothing_and_an_old_project_as_it_was(tmp_path):
    out = tmp_path / "project"
    write(out, "old")
    with pytest.raises(RuntimeError, match="boom"), project_folder(out, True):
        raise RuntimeError("boom")
    assert "old" in (out / "config.py").read_text()
    assert [path.name for path in tmp_path.iterdir()] == ["project"]
    write(out, overwrite=True)
    assert "new" in (out / "config.py").read_text()


def test_what_may_not_be_replaced_is_left_alone(tmp_path):
    out = tmp_path / "project"
    write(out)
    with pytest.raises(InputError, match="--overwrite"):
        write(out)
    (out / "work").mkdir()
    with pytest.raises(InputError, match="trained"):
        write(out, overwrite=True)
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo.jpg").touch()
    with pytest.raises(InputError, match="no project of this tool"):
        write(tmp_path / "holiday", overwrite=True)
    assert (tmp_path / "holiday" / "photo.jpg").exists()
