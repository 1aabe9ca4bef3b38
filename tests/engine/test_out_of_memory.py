from __future__ import annotations

import errno

import numpy as np
import pytest
import torch

from rs_da_mm.engine.out_of_memory import memory_advice, out_of_memory_message
from rs_da_mm.errors import InputError

CONFIG = {
    "train_dataloader": {
        "batch_size": 8,
        "num_workers": 4,
        "dataset": {"type": "RepeatDataset", "dataset": {"type": "Any", "window_size": (512, 512)}},
    },
    "val_dataloader": {"batch_size": 1, "num_workers": 2},
    "model": {"backbone": {"type": "MACUNet", "base_channels": 16}},
}
CUDA = torch.OutOfMemoryError(
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 15.89 GiB of which 310.12 MiB is free. "
    "Including non-PyTorch memory, this process has 15.58 GiB memory in use."
)
MACHINE = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate "
    "3221225472 bytes. Error code 12 (Cannot allocate memory)"
)
KILLED = RuntimeError("DataLoader worker (pid 4711) is killed by signal: Killed. ")
SHARED = RuntimeError(
    "DataLoader worker (pid 12) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared "
    "memory. Please try to raise your shared memory limit."
)


def test_a_gpu():
    assert out_of_memory_message(CUDA, CONFIG) == (
        "the GPU's memory is full (2.00 GiB more were asked for, 310.12 MiB of 15.89 GiB were free). Lower "
        "train_dataloader.batch_size from 8 to 4 (accumulative_counts=2 in optim_wrapper keeps as many images per update). If "
        "that is not enough, lower window_size from 512 to 256, or take a smaller network (model.backbone.base_channels is 16), "
        "or compute in 16 bits (AutocastOptimWrapper)."
    )


def test_the_machine():
    message = out_of_memory_message(MACHINE, CONFIG)
    assert message.startswith(
        "the machine's memory is full (3 GiB more were asked for). Lower train_dataloader.batch_size from 8 to 4"
    )
    assert "train_dataloader.num_workers from 4 to 2" in message
    assert "16 bits" not in message


def test_a_worker_that_the_system_killed():
    message = out_of_memory_message(KILLED, CONFIG)
    assert message.startswith(
        "the system ended a process that was loading data, which it does when memory is full (process 4711)."
    )
    assert "Lower train_dataloader.num_workers from 4 to 2 or train_dataloader.batch_size from 8 to 4" in message


def test_shared_memory():
    message = out_of_memory_message(SHARED, CONFIG)
    assert "(/dev/shm) (process 12)." in message
    assert "--shm-size" in message
    assert "or lower train_dataloader.num_workers from 4 to 2 or train_dataloader.batch_size from 8 to 4." in message


def test_without_a_config_the_settings_are_named():
    assert out_of_memory_message(CUDA).endswith(
        "Lower train_dataloader.batch_size (accumulative_counts=2 in optim_wrapper keeps as many images per update). If that is "
        "not enough, lower window_size, or take a smaller network, or compute in 16 bits (AutocastOptimWrapper)."
    )


def test_a_batch_of_one_cannot_be_lowered():
    message = out_of_memory_message(CUDA, CONFIG, "val")
    assert message.endswith(
        "The batch cannot get smaller: lower window_size, or take a smaller network (model.backbone.base_channels is 16)."
    )


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported", "the GPU's"),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "the GPU's"),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "the GPU's"),
        ("MPS backend out of memory (MPS allocated: 8.00 GB)", "the GPU's"),
        ("DefaultCPUAllocator: not enough memory: you tried to allocate 4096 bytes.", "the machine's memory is full (4 KiB"),
        ("std::bad_alloc", "the machine's"),
        ("Caught _ArrayMemoryError in DataLoader worker process 0.\nOriginal Traceback", "the machine's"),
        ("DataLoader worker (pid(s) 7, 8) exited unexpectedly", "the system ended a process that was loading data"),
        ("unable to mmap 1048576 bytes from file </torch_1_2>: Cannot allocate memory (12)", "the processes that load data"),
        ("unable to write to file </torch_1_2>: No space left on device (28)", "the processes that load data"),
    ],
)
def test_other_wordings(text, start):
    assert out_of_memory_message(RuntimeError(text)).startswith(start)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        RuntimeError("DataLoader worker (pid 9) is killed by signal: Segmentation fault. "),
        RuntimeError("DataLoader worker (pid 9) exited unexpectedly with exit code 1. Details are lost"),
        RuntimeError("unable to open shared memory object </torch_1_2> in read-write mode: Too many open files (24)"),
        OSError(errno.ENOSPC, "No space left on device", "epoch_1.pth"),
        ValueError("CUDA out of memory"),
        KeyboardInterrupt(),
    ],
)
def test_other_errors_are_not_about_memory(error):
    assert out_of_memory_message(error, CONFIG) is None


def test_a_real_failure_of_the_cpus_allocator():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert out_of_memory_message(caught.value).startswith("the machine's memory is full (1.049e+06 TiB more were asked for).")


def test_a_real_failure_of_numpy():
    with pytest.raises(MemoryError) as caught:
        np.empty(1 << 60, dtype=np.uint8)
    assert out_of_memory_message(caught.value).startswith("the machine's memory is full (1.00 EiB more were asked for).")


def test_what_was_raised_from_it_counts():
    outer = KeyError("losses")
    outer.__cause__ = RuntimeError("a step failed")
    outer.__cause__.__context__ = CUDA
    assert out_of_memory_message(outer, CONFIG) == out_of_memory_message(CUDA, CONFIG)
    outer.__cause__.__suppress_context__ = True  # as `raise … from None` sets it
    assert out_of_memory_message(outer) is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_real_failure_of_a_gpu():
    with pytest.raises(torch.OutOfMemoryError) as caught:
        torch.empty(1 << 45, dtype=torch.uint8, device="cuda")
    message = out_of_memory_message(caught.value, CONFIG)
    assert message.startswith("the GPU's memory is full (32768.00 GiB more were asked for, ")
    assert "were free). Lower train_dataloader.batch_size from 8 to 4" in message


def test_advice_takes_the_place_of_the_error_and_nothing_else_is_touched():
    told = r"the GPU's memory is full.*batch_size from 8 to 4"
    with pytest.raises(InputError, match=told) as raised, memory_advice(CONFIG, "train"):
        raise CUDA
    assert raised.value.__cause__ is CUDA
    with pytest.raises(KeyError), memory_advice(CONFIG, "train"):
        raise KeyError("other")
    with memory_advice(CONFIG, "train"):
        pass
