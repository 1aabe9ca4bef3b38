from __future__ import annotations

import torch
from mmengine.runner.checkpoint import load_state_dict
from torch import nn

from rs_da_mm.models.adversarial.counter import Counter


def test_a_count_is_saved_and_loaded_by_torch_and_by_mmengine():
    model, plain, theirs = (nn.ModuleDict({"iteration": Counter()}) for _ in range(3))
    model["iteration"].value = 2**40 + 1
    state = model.state_dict()
    assert [(key, value.dtype) for key, value in state.items()] == [("iteration._extra_state", torch.int64)]
    plain.load_state_dict(state)
    load_state_dict(theirs, state, strict=True)
    assert plain["iteration"].value == theirs["iteration"].value == 2**40 + 1


def test_what_happens_to_buffers_does_not_move_it():
    counter = Counter()
    counter.value = 3
    assert not list(counter.buffers())
    assert counter.to(torch.float16).value == 3
