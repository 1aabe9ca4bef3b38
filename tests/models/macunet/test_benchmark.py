from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

BENCHMARKS = Path(__file__).parents[3] / "tools" / "benchmarks"


@pytest.fixture(scope="module")
def benchmark():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("macunet_benchmark", BENCHMARKS / "macunet.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_counts_the_operations_of_the_network(benchmark):
    def block(c, o):
        return 9 * c * o

    # Multiplications per pixel of each level, from the network's table.
    level = {
        16: block(3, 16) + block(16, 16) + 80 * 32 + block(32, 16) + block(16, 16) + 4 * 32 * 16,
        32: 2 * block(16, 32) + block(32, 32) + 160 * 64 + block(64, 32) + block(32, 32) + 3 * 64 * 32,
        64: 3 * block(32, 64) + 2 * block(64, 64) + 320 * 128 + block(128, 64) + block(64, 64) + 2 * 128 * 64,
        128: 4 * block(64, 128) + 2 * block(128, 128) + 640 * 256 + block(256, 128) + block(128, 128) + 256 * 128,
        256: block(128, 256) + 2 * block(256, 256),
    }
    gates = sum(4 * 2 * width * (2 * width // 16) for width in (16, 32, 64, 128))
    expected = sum(per_pixel * (64 * 64 // 4**k) for k, per_pixel in enumerate(level.values())) + 16 * 6 * 64 * 64 + gates
    assert benchmark.forward_flops(3, 64, one_kernel=True) == 2 * expected


def test_both_sides_hold_the_same_function(benchmark, monkeypatch):
    monkeypatch.setattr(benchmark, "WARM_STEPS", 1)
    monkeypatch.setattr(benchmark, "WARM_SIZE", 32)
    plain, fast = benchmark.networks(3, torch.device("cpu"))
    images, labels = benchmark.regions(1, 3, 64, seed=0)
    assert images.shape == (1, 3, 64, 64)
    assert labels.shape == (1, 64, 64)
    for mode, tolerance in (("inference", 1e-5), ("training", 1e-4)):
        made = benchmark.calls(mode, plain, fast, images, labels)
        expected = made["plain fp32"]()
        assert (made["this fp32"]() - expected).abs().max() <= tolerance * expected.abs().max()


def test_the_median_ratio_is_taken_within_rounds(benchmark):
    assert benchmark._timing.median_ratio([2.0, 30.0, 8.0], [1.0, 10.0, 2.0]) == 3.0


def test_waits_for_a_quiet_machine(benchmark, monkeypatch):
    timing = benchmark._timing
    busy = iter([0.0, 1e9, 0.0, 0.0])
    monkeypatch.setattr(timing, "busy_seconds", lambda: next(busy))
    monkeypatch.setattr(timing.time, "sleep", lambda seconds: None)
    calls = []
    assert timing.when_quiet(lambda: calls.append(0) or len(calls), max_others=0.05) == 2
    monkeypatch.setattr(timing, "busy_seconds", iter(range(0, 10**9, 10**6)).__next__)
    with pytest.raises(RuntimeError, match="other processes used more than 5% of the CPU time"):
        timing.when_quiet(lambda: None, max_others=0.05, patience=2)


@pytest.mark.slow
def test_runs():
    command = [sys.executable, str(BENCHMARKS / "macunet.py"), "--quick", "--modes", "inference"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    results = json.loads(done.stdout.splitlines()[-1])["results"]
    assert [result["side"] for result in results] == ["plain fp32", "this fp32", "this bf16 autocast", "this bf16 weights"]
    assert results[1]["label_agreement"] == pytest.approx(1, abs=1e-3)
