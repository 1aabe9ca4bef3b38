from __future__ import annotations

import math

import torch
from torch import nn

from rs_da_mm.engine.kept_buffers import KeptBuffers


class Queue(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("rows", torch.zeros(4))
        self.register_buffer("nothing", None)

    def forward(self, values):
        self.rows = torch.cat([self.rows[1:], values.mean()[None].detach()])  # another tensor every time
        return values


def test_what_a_spoilt_forward_pass_left_is_taken_back():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3), nn.InstanceNorm2d(3, track_running_stats=True), Queue())
    net(torch.randn(2, 2, 4, 4))
    kept = KeptBuffers(net)
    for _ in range(2):
        net(torch.randn(2, 2, 4, 4))
        kept.keep()
        before = {name: value.clone() for name, value in net.state_dict().items()}
        net(torch.full((2, 2, 4, 4), math.nan))
        assert not all(value.isfinite().all() for value in net.state_dict().values())
        kept.restore()
        after = net.state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_buffer_of_another_size_comes_back():
    queue = Queue()
    kept = KeptBuffers(queue)
    queue.rows = torch.ones(7)
    kept.restore()
    assert queue.rows.tolist() == [0.0] * 4
    queue.rows = torch.ones(7)
    kept.keep()
    queue.rows = torch.zeros(2)
    kept.restore()
    assert queue.rows.tolist() == [1.0] * 7


def test_a_model_without_buffers():
    kept = KeptBuffers(nn.Linear(2, 2))
    kept.keep()
    kept.restore()
