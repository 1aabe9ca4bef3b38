from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, load_checkpoint
from safetensors.torch import save_file
from torch import nn

from rs_da_mm.engine.checkpoints import install_safe_loading, load_checkpoint_file, load_model_strictly
from rs_da_mm.errors import InputError


@pytest.fixture(autouse=True)
def _safe_loading():
    install_safe_loading()


def stock_checkpoint(path):
    """Save what mmengine's runner saves: weights, plain data, NumPy scalars and its history buffers."""
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    buffer.update(6.0)
    torch.save(
        {
            "meta": {"epoch": 3, "best": np.float64(0.5), "count": np.int64(4)},
            "state_dict": nn.Linear(2, 1).state_dict(),
            "message_hub": {"log_scalars": {"train/loss": buffer}, "runtime_info": {}, "resumed_keys": {}},
        },
        path,
    )
    return path


def test_a_checkpoint_of_mmengine_loads_with_its_history(tmp_path):
    loaded = load_checkpoint_file(stock_checkpoint(tmp_path / "epoch_3.pth"))
    assert loaded["meta"] == {"epoch": 3, "best": 0.5, "count": 4}
    assert loaded["message_hub"]["log_scalars"]["train/loss"].statistics("mean") == 3.0


class Payload:
    """Runs a command when it is unpickled by anything that trusts it."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (os.mkdir, (str(self.marker),))


class Attribute:
    """Fetches an attribute of something else than a history buffer."""

    def __reduce__(self):
        return (getattr, (dict, "fromkeys"))


def test_a_file_that_wants_to_run_something_is_refused_unrun(tmp_path):
    path, marker = tmp_path / "bad.pth", tmp_path / "was_run"
    torch.save({"state_dict": {}, "extra": Payload(marker)}, path)
    for load in (load_checkpoint_file, CheckpointLoader.load_checkpoint):
        with pytest.raises(InputError, match=r"bad\.pth: refused.*mkdir"):
            load(str(path))
    assert not marker.exists()


def test_the_stand_in_for_getattr_gives_nothing_but_statistics(tmp_path):
    path = tmp_path / "bad.pth"
    torch.save({"extra": Attribute()}, path)
    with pytest.raises(InputError, match="refused"):
        load_checkpoint_file(path)


@pytest.mark.parametrize("kept", [0, 100, 600])
def test_a_file_that_was_cut_off_is_told_so(tmp_path, kept):
    path = stock_checkpoint(tmp_path / "epoch_3.pth")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"epoch_3\.pth: cannot be read as a checkpoint"):
        load_checkpoint_file(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.pth: there is no such checkpoint"):
        load_checkpoint_file(tmp_path / "none.pth")


def test_safetensors_load_into_a_model_through_mmengine(tmp_path):
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    save_file(source.state_dict(), tmp_path / "weights.safetensors")
    load_checkpoint(target, str(tmp_path / "weights.safetensors"), strict=True)
    assert torch.equal(source.weight, target.weight)


def test_damaged_safetensors_are_named(tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match=r"weights\.safetensors: is not a readable"):
        load_checkpoint_file(tmp_path / "weights.safetensors")


def test_strict_loading_takes_plain_and_nested_state_dicts(tmp_path):
    source = nn.Linear(2, 1)
    for number, content in enumerate([source.state_dict(), {"state_dict": source.state_dict(), "meta": {}}]):
        torch.save(content, tmp_path / f"{number}.pth")
        target = nn.Linear(2, 1)
        load_model_strictly(target, tmp_path / f"{number}.pth")
        assert torch.equal(source.weight, target.weight)


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        (nn.Linear(2, 1, bias=False), "bias is missing in the file"),
        (nn.Sequential(nn.Linear(2, 1)), "0.weight is in the file only"),
        (nn.Linear(3, 1), r"weight is \(1, 3\) in the file and \(1, 2\) in the model"),
    ],
)
def test_weights_of_another_model_are_refused_and_nothing_is_loaded(tmp_path, saved, told):
    torch.save(saved.state_dict(), tmp_path / "other.pth")
    model = nn.Linear(2, 1)
    before = model.weight.clone()
    with pytest.raises(InputError, match=told):
        load_model_strictly(model, tmp_path / "other.pth")
    assert torch.equal(model.weight, before)
