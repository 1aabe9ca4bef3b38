"""What the benchmarks share: interleaved timing, the machine's own peak, peak memory, tables."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F

PEAK_CONVOLUTIONS = ((16, 256), (32, 128), (64, 64), (128, 32), (256, 16))  # channels in and out, height and width
PEAK_MATRIX = 2048

Measured = TypeVar("Measured")


def synchronize(device: torch.device) -> None:
    """Wait until ``device`` has done what was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def time_once(call: Callable[[], object], device: torch.device) -> float:
    """Return the wall-clock seconds of one call."""
    synchronize(device)
    start = time.perf_counter()
    call()
    synchronize(device)
    return time.perf_counter() - start


def when_quiet(measure: Callable[[], Measured], max_others: float = 1.0, patience: int = 300) -> Measured:
    """Return what ``measure`` returns, once it ran while other processes left the machine alone.

    Where threads share a core with other work they wait for each other, and times are those of the scheduler.

    Args:
        measure: What to run.
        max_others: The largest share of the machine's CPU time that other processes may have used meanwhile.
        patience: How often to try.

    Raises:
        RuntimeError: If other processes never left it alone.
    """
    for _ in range(patience):
        busy, start = busy_seconds(), time.perf_counter()
        measured = measure()
        others = (busy_seconds() - busy) / ((time.perf_counter() - start) * (os.cpu_count() or 1))
        if others <= max_others:
            return measured
        time.sleep(1)
    raise RuntimeError(f"other processes used more than {max_others:.0%} of the CPU time in each of {patience} trials")


def time_interleaved(
    calls: Mapping[str, Callable[[], object]], rounds: int, device: torch.device, max_others: float = 1.0
) -> dict[str, list[float]]:
    """Time every call once per round, so that whatever slows the machine down for a while slows all of them.

    Args:
        calls: What to time, by name.
        rounds: How many rounds count; an untimed one comes first.
        device: Where the calls compute.
        max_others: See :func:`when_quiet`; a round that was not quiet is repeated.

    Returns:
        The seconds of each call, in the order of the rounds.
    """

    def one_round() -> dict[str, float]:
        return {name: time_once(call, device) for name, call in calls.items()}

    one_round()
    timed = [when_quiet(one_round, max_others) for _ in range(rounds)]
    return {name: [seconds[name] for seconds in timed] for name in calls}


def busy_seconds() -> float:
    """Return the CPU seconds that processes other than this one have used since the machine started; 0 where unknown."""
    statistics_file = Path("/proc/stat")
    if not statistics_file.exists():
        return 0.0
    ticks = [int(field) for field in statistics_file.read_text(encoding="utf-8").splitlines()[0].split()[1:9]]
    idle, waiting = ticks[3], ticks[4]
    own = os.times()
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK") - own.user - own.system


def median_ratio(baseline: Sequence[float], other: Sequence[float]) -> float:
    """Return how many times faster ``other`` is: the median over the rounds of the ratio within a round."""
    return statistics.median(slow / fast for slow, fast in zip(baseline, other, strict=True))


def measured_peak(device: torch.device, dtype: torch.dtype, batch: int = 4, repeats: int = 5) -> float:
    """Return the highest rate in FLOP/s that this machine reached in a 3×3 convolution or a matrix product.

    Args:
        device: Where to compute.
        dtype: What to compute in.
        batch: Images per convolution.
        repeats: How often each shape is tried; the best counts.
    """
    rates = []
    with torch.no_grad():
        for channels, size in PEAK_CONVOLUTIONS:
            x = torch.randn(batch, channels, size, size, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
            weight = torch.randn(channels, channels, 3, 3, device=device, dtype=dtype)
            weight = weight.contiguous(memory_format=torch.channels_last)
            seconds = _best_seconds(partial(F.conv2d, x, weight, padding=1), device, repeats)
            rates.append(2 * 9 * channels * x.numel() / seconds)
        matrix = torch.randn(PEAK_MATRIX, PEAK_MATRIX, device=device, dtype=dtype)
        rates.append(2 * PEAK_MATRIX**3 / _best_seconds(partial(torch.matmul, matrix, matrix), device, repeats))
    return max(rates)


def _best_seconds(call: Callable[[], object], device: torch.device, repeats: int) -> float:
    call()
    return min(time_once(call, device) for _ in range(repeats))


def peak_memory_of(call: Callable[[], object], device: torch.device) -> int | None:
    """Return by how many bytes memory grew at most while ``call`` ran.

    On a CPU this is the process's resident memory, whose peak the operating system only ever counts up: call it in a process that
    has computed nothing before (:func:`in_fresh_process`). ``None`` where the operating system does not tell (Windows).
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        call()
        return torch.cuda.max_memory_allocated(device) - before
    resident = resident_bytes("VmRSS")
    call()
    peak = resident_bytes("VmHWM")
    return None if resident is None or peak is None else peak - resident


def resident_bytes(field: Literal["VmRSS", "VmHWM"]) -> int | None:
    """Return the process's resident memory now, or the most that it ever was; on macOS, the latter for both."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent process held before it started this one
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith(field):
                return 1024 * int(line.split()[1])
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def in_fresh_process(script: str | Path, arguments: Sequence[str]) -> str:
    """Run a script with this interpreter and return the last line that it printed."""
    done = subprocess.run([sys.executable, str(script), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip().splitlines()[-1]


def machine(device: torch.device) -> str:
    """Name what the numbers were measured on."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}"
    return (
        f"{_cpu_name()}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}"
    )


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
