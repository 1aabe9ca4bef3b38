from __future__ import annotations

import os
import zipfile

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from torch import nn

from rs_da_mm.engine.checkpoints.reading import damaged_record, load_checkpoint_file
from rs_da_mm.errors import InputError


def stock_checkpoint(path, **how):
    """Save what mmengine's runner saves: weights, plain data, NumPy scalars and its history buffers."""
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    buffer.update(6.0)
    torch.save(
        {
            "meta": {
                "epoch": 3,
                "best": np.float64(0.5),
                "count": np.int64(4),
                "names": np.array(["a"]),
            },
            "state_dict": nn.Linear(2, 1).state_dict(),
            "message_hub": {"log_scalars": {"train/loss": buffer}, "runtime_info": {}, "resumed_keys": {}},
        },
        path,
        **how,
    )
    return path


def rewritten(path, old, new):
    """Save a checkpoint again with other bytes in its pickle, checksums included."""
    with zipfile.ZipFile(path) as archive:
        records = {record: archive.read(record) for record in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for record, content in records.items():
            archive.writestr(record.filename, content.replace(old, new) if record.filename.endswith("data.pkl") else content)
    return path


@pytest.mark.parametrize("how", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "before 1.6"])
def test_a_checkpoint_of_mmengine_loads_with_its_history(tmp_path, how):
    loaded = load_checkpoint_file(stock_checkpoint(tmp_path / "epoch_3.pth", **how))
    assert loaded["meta"] == {"epoch": 3, "best": 0.5, "count": 4, "names": np.array(["a"])}
    assert loaded["message_hub"]["log_scalars"]["train/loss"].statistics("mean") == 3.0


def test_a_checkpoint_of_the_other_numpy_loads(tmp_path):
    path = stock_checkpoint(tmp_path / "epoch_3.pth")
    own, other = (b"numpy._core.", b"numpy.core.") if np.__version__ >= "2" else (b"numpy.core.", b"numpy._core.")
    rewritten(path, own, other)
    with zipfile.ZipFile(path) as archive:
        pickled = archive.read("epoch_3/data.pkl")
    assert other in pickled
    assert own not in pickled
    assert load_checkpoint_file(path)["meta"]["best"] == 0.5


class Attribute:
    """Fetches an attribute of something else than a history buffer."""

    def __reduce__(self):
        return (getattr, (dict, "fromkeys"))


class Program:
    """Runs a program text."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('was run')",))


def test_a_file_that_wants_to_run_something_is_refused_unrun(tmp_path, write_malicious):
    path = tmp_path / "bad.pth"
    marker = write_malicious(path)
    for load in (load_checkpoint_file, CheckpointLoader.load_checkpoint):
        with pytest.raises(InputError, match=r"bad\.pth: refused.*mkdir"):
            load(str(path))
    assert not marker.exists()


@pytest.mark.parametrize("how", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "before 1.6"])
@pytest.mark.parametrize("content", [Attribute(), Program()], ids=["getattr", "exec"])
def test_whatever_a_file_calls_it_is_refused(tmp_path, monkeypatch, how, content):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = tmp_path / "bad.pth"
    torch.save({"extra": content}, path, **how)
    with pytest.raises(InputError, match=r"bad\.pth: refused"):
        load_checkpoint_file(path)


def test_an_archive_of_programs_is_refused_as_one(tmp_path):
    path = tmp_path / "scripted.pth"
    torch.jit.script(nn.Linear(1, 1)).save(str(path))
    with (
        pytest.raises(InputError, match=r"scripted\.pth: refused.*TorchScript archive"),
        pytest.warns(UserWarning, match="TorchScript"),
    ):
        load_checkpoint_file(path)


def test_the_text_that_resume_would_execute_is_moved_out_of_its_way(tmp_path):
    """`Runner.resume` runs `meta['config']` as a Python program."""
    path = tmp_path / "epoch_1.pth"
    torch.save({"meta": {"config": "import os", "epoch": 1}, "state_dict": {}}, path)
    assert load_checkpoint_file(path)["meta"] == {"cfg": "import os", "epoch": 1}


@pytest.mark.parametrize("kept", [0, 100, 600, -30])
def test_a_file_that_was_cut_off_is_told_so(tmp_path, kept):
    path = stock_checkpoint(tmp_path / "epoch_3.pth")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"epoch_3\.pth: cannot be read as a checkpoint.*cut off"):
        load_checkpoint_file(path)


def test_a_web_page_is_no_checkpoint(tmp_path):
    (tmp_path / "epoch_3.pth").write_bytes(b"<!DOCTYPE html><title>Not found</title>")
    with pytest.raises(InputError, match=r"epoch_3\.pth: refused.*no checkpoint at all"):
        load_checkpoint_file(tmp_path / "epoch_3.pth")


@pytest.mark.parametrize("kept", [3, 10, 100, 600])
def test_an_old_file_that_was_cut_off_is_told_so(tmp_path, kept):
    path = stock_checkpoint(tmp_path / "epoch_3.pth", _use_new_zipfile_serialization=False)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"epoch_3\.pth: "):
        load_checkpoint_file(path)


def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_one_flipped_bit_of_a_weight_is_found_and_its_record_named(tmp_path):
    path = tmp_path / "epoch_3.pth"
    weights = {"first": torch.zeros(500), "second": torch.ones(500)}
    torch.save(weights, path)
    flip(path, path.read_bytes().index(torch.ones(500).numpy().tobytes()) + 1000)
    unchecked = torch.load(path, weights_only=True)
    assert not torch.equal(unchecked["second"], weights["second"]), "torch itself takes the damaged weights"
    assert damaged_record(path) == "epoch_3/data/1"
    with pytest.raises(InputError, match=r"epoch_3\.pth: is damaged: its record 'epoch_3/data/1'.*again"):
        load_checkpoint_file(path)


def test_damage_anywhere_is_an_input_error_or_harmless(tmp_path):
    """Every 7th byte of a small file: records, their heads, the table of contents, padding."""
    path = tmp_path / "small.pth"
    torch.save({"weight": torch.arange(4.0)}, path)
    whole = path.read_bytes()
    found = 0
    for place in range(0, len(whole), 7):
        path.write_bytes(whole)
        flip(path, place)
        try:
            loaded = load_checkpoint_file(path)
        except InputError as error:
            found += "small.pth" in str(error)
        else:
            assert torch.equal(loaded["weight"], torch.arange(4.0)), f"byte {place} changed the weights unseen"
    assert found > 0


def test_a_file_without_checksums_is_read_unchecked(tmp_path):
    path = tmp_path / "epoch_3.pth"
    torch.serialization.set_crc32_options(False)
    try:
        torch.save({"weight": torch.ones(3)}, path)
    finally:
        torch.serialization.set_crc32_options(True)
    with zipfile.ZipFile(path) as archive:
        assert {record.CRC for record in archive.infolist()} == {0}
    assert torch.equal(load_checkpoint_file(path)["weight"], torch.ones(3))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.pth: there is no such checkpoint"):
        load_checkpoint_file(tmp_path / "none.pth")


def test_the_home_directory_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME" if os.name != "nt" else "USERPROFILE", str(tmp_path))
    stock_checkpoint(tmp_path / "epoch_3.pth")
    assert load_checkpoint_file("~/epoch_3.pth")["meta"]["epoch"] == 3
