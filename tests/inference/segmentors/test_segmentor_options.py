from __future__ import annotations

import pytest
import torch

from rs_da_mm.errors import InputError
from rs_da_mm.inference.segmentors.segmentor_options import SegmentorOptions, settled


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({"avx512_f": True, "avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
        ({"neon": True, "bf16": True}, "bfloat16"),
        ({"avx512_f": True, "avx512_bf16": False}, "float32"),
        ({}, "float32"),
    ],
)
def test_bfloat16_is_taken_where_the_processor_computes_in_it(no_gpu, monkeypatch, capabilities, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    found = settled(SegmentorOptions())
    assert (found.device, found.precision) == ("cpu", precision)
    assert found.dtype is getattr(torch, precision)


def test_the_gpu_is_taken_where_there_is_one(two_gpus):
    found = settled(SegmentorOptions())
    assert (found.device, found.precision) == ("cuda", "float32")  # one that only stores bfloat16
    assert settled(SegmentorOptions(device="cuda:1", precision="float16")).dtype is torch.float16
    assert settled(SegmentorOptions(device="cpu", precision="float32")).device == "cpu"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (dict(device="cuda"), "has no CUDA GPU"),
        (dict(device="toaster"), "no such kind"),
        (dict(device="cpu", precision="float16"), "only a GPU"),
        (dict(device="cpu", precision="float64"), "expected one of"),
        (dict(device="mps", precision="bfloat16"), "expected a CPU or a CUDA GPU"),
    ],
)
def test_what_cannot_be_had_is_told(no_gpu, options, said):
    with pytest.raises(InputError, match=said):
        settled(SegmentorOptions(**options))


def test_a_gpu_that_there_is_not_is_told(two_gpus):
    with pytest.raises(InputError, match="has 2 CUDA GPUs"):
        settled(SegmentorOptions(device="cuda:2"))
