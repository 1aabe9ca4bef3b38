"""How much memory and time a training will take, measured before the first epoch."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rs_da_mm.errors import InputError
from rs_da_mm.projects.settings import TrainingSettings

_SPARE = 0.9
"""Share of the free memory that a training may take."""
_KILLED = -9
_LIMIT = 900.0


@dataclass(frozen=True)
class Estimate:
    """What was measured, and what follows from it.

    Attributes:
        device: What it was measured on.
        parameters: Of the network.
        step_seconds: Of a training step.
        load_seconds: To read one window.
        epoch_seconds: Of an epoch with its validation.
        total_seconds: Of the whole training.
        peak_bytes: Most memory in use: of the GPU, or of the process.
        free_bytes: Memory that was free before.
        advice: What to change, where something will not fit.
    """

    device: str
    parameters: int = 0
    step_seconds: float | None = None
    load_seconds: float | None = None
    epoch_seconds: float | None = None
    total_seconds: float | None = None
    peak_bytes: int | None = None
    free_bytes: int | None = None
    advice: tuple[str, ...] = ()

    def told(self) -> list[tuple[str, str]]:
        """Names and values, for people."""
        if self.step_seconds is None:
            return [("measured", "not to the end, see above")]
        rows = [
            ("measured on", f"{self.device}, by a few training steps while making this project"),
            ("parameters of the network", f"{self.parameters:,}"),
            ("a training step", f"{self.step_seconds:.3g} s"),
            ("reading a window", f"{1000 * (self.load_seconds or 0):.1f} ms"),
            ("an epoch with its validation", spelled_seconds(self.epoch_seconds or 0)),
            ("the whole training", spelled_seconds(self.total_seconds or 0)),
        ]
        if self.peak_bytes is not None:
            free = "" if self.free_bytes is None else f" of {self.free_bytes / 2**30:.1f} GiB that were free"
            rows.append(("memory at most", f"{self.peak_bytes / 2**30:.2f} GiB{free}"))
        return rows


def estimate(config: Path, training: TrainingSettings, validation_windows: int, workers: int = 2) -> Estimate:
    """Train for a few steps in another process, and reckon from there.

    Args:
        config: The config.
        training: Its batch and schedule.
        validation_windows: Windows of the validation part.
        workers: Processes that load.

    Returns:
        The estimate. Where memory ran out, only its advice.

    Raises:
        InputError: When the training cannot begin.
    """
    free = free_memory()
    command = [sys.executable, "-m", "rs_da_mm.projects.training_probe", str(config)]
    try:
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return Estimate(
            "?", advice=(f"Two training steps took more than {_LIMIT / 60:.0f} minutes: take a smaller network or window.",)
        )
    half = f"batch_size from {training.batch_size} to {max(1, training.batch_size // 2)}"
    if done.returncode == _KILLED:
        return Estimate("?", free_bytes=free, advice=(f"The system ended the trial for want of memory. Lower {half}.",))
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise InputError(f"The training cannot begin: {last}. --no-estimate writes the project all the same.")
    found: Mapping[str, Any] = json.loads(lines[-1])
    if "error" in found:
        raise InputError(str(found["error"]))
    if "out_of_memory" in found:
        return Estimate("?", free_bytes=free, advice=(f"A training step ran out of memory: {found['out_of_memory']}",))
    return _reckoned(found, training, validation_windows, workers, free, half)


def _reckoned(
    found: Mapping[str, Any], training: TrainingSettings, validation_windows: int, workers: int, free: int | None, half: str
) -> Estimate:
    load = training.batch_size * found["load_seconds"] / max(workers, 1)
    # On a CPU those who load take the time from those who compute.
    together = sum if found["device"] == "CPU" else max
    batches = math.ceil(validation_windows / training.batch_size)
    epoch = training.steps * together((found["step_seconds"], load)) + batches * together((found["predict_seconds"], load))
    peak = found["peak_bytes"]
    limit = free if found["device"] == "CPU" else _gpu_memory()
    advice = []
    if peak is not None and limit is not None and peak > _SPARE * limit:
        advice.append(f"{peak / 2**30:.1f} GiB of memory are needed, and {limit / 2**30:.1f} GiB are there. Lower {half}.")
    return Estimate(
        found["device"],
        found["parameters"],
        found["step_seconds"],
        found["load_seconds"],
        epoch,
        training.epochs * epoch,
        peak,
        limit,
        tuple(advice),
    )


def spelled_seconds(seconds: float) -> str:
    """A duration in the unit that suits it."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"


def free_memory() -> int | None:
    """Bytes of memory that a new process can have, as far as the system tells."""
    found = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
        group = Path("/sys/fs/cgroup")
        found.append(int((group / "memory.max").read_text()) - int((group / "memory.current").read_text()))
    except (OSError, ValueError):
        pass  # another system, or no limit
    return min(found, default=None)


def _gpu_memory() -> int | None:
    import torch

    return torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else None
