from __future__ import annotations

import enum
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer, MessageHub

from rs_da_mm.engine.checkpoints.plain_data import NotPlainError, message_hub_state, plain_data, plain_message_hub


class Colour(enum.IntEnum):
    RED = 3


def test_nested_values_become_plain_and_keep_their_worth(tmp_path):
    value = OrderedDict(
        config=ConfigDict(a=(1, "x", None)),
        number=np.float32(0.5),
        array=np.arange(3, dtype=np.uint8),
        flags={np.bool_(True)},
        tensor=torch.ones(2),
        colour=Colour.RED,
        dtype=torch.float16,
    )
    plain = plain_data(value)
    assert type(plain["number"]) is float
    assert type(plain["colour"]) is int
    torch.save(plain, tmp_path / "plain.pth")
    read = torch.load(tmp_path / "plain.pth", weights_only=True)
    assert torch.equal(read.pop("tensor"), torch.ones(2))
    assert read == {
        "config": {"a": (1, "x", None)},
        "number": 0.5,
        "array": [0, 1, 2],
        "flags": [True],
        "colour": 3,
        "dtype": torch.float16,
    }


def test_anything_else_is_named_with_its_place():
    with pytest.raises(NotPlainError, match=r"meta\.files\[1\] is a PosixPath|meta\.files\[1\] is a WindowsPath"):
        plain_data({"files": ["a", Path("b")]}, "meta")


def test_a_message_hub_comes_back_as_it_was(tmp_path):
    hub = MessageHub("plain_data_test")
    for step in range(30):
        hub.update_scalar("train/loss", 1.0 / (step + 1), count=step + 1)
    hub.update_info("best_score", np.float64(0.25))
    hub.update_info("epoch", 3)
    hub.update_info("sensor", object())
    plain, left_out = plain_message_hub(hub.state_dict())
    assert left_out == ["sensor"]
    torch.save(plain, tmp_path / "hub.pth")
    again = MessageHub("plain_data_test_again")
    again.load_state_dict(message_hub_state(torch.load(tmp_path / "hub.pth", weights_only=True)))
    before, after = hub.get_scalar("train/loss"), again.get_scalar("train/loss")
    for name, words in (("mean", (20,)), ("min", ()), ("max", (5,)), ("current", ())):
        assert after.statistics(name, *words) == before.statistics(name, *words)
    assert after.max_length == before.max_length
    assert again.get_info("best_score") == 0.25
    assert again.get_info("epoch") == 3
    assert "sensor" not in again.runtime_info


def test_a_history_that_mmengine_wrote_is_taken_as_it_is():
    buffer = HistoryBuffer([1.0], [1])
    state = message_hub_state({"log_scalars": {"loss": buffer}, "runtime_info": {}, "resumed_keys": {}})
    assert state["log_scalars"]["loss"] is buffer
