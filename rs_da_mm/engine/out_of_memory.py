"""Errors that mean "not enough memory", told as what to change in the config."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch

from rs_da_mm.errors import InputError

Kind = Literal["gpu", "machine", "worker", "shared"]

# Worker processes first: their message may quote another.
_SIGNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "shared",
        re.compile(
            r"out of shared memory|killed by signal: Bus error"
            r"|unable to (?:mmap|write to file|open shared memory)[^\n]*(?:No space left|Cannot allocate|temporarily unavailable)"
        ),
    ),
    (
        "worker",
        re.compile(
            r"DataLoader worker \(pid\(?s?\)?[^)]*\) (?:is killed by signal: Killed|exited unexpectedly(?! with exit code))"
        ),
    ),
    ("gpu", re.compile(r"CUDA out of memory|CUDA error: out of memory|MPS backend out of memory|_STATUS_ALLOC_FAILED")),
    (
        "machine",
        re.compile(
            r"DefaultCPUAllocator: (?:can't allocate|not enough) memory|std::bad_alloc|paging file is too small"
            r"|Caught \w*MemoryError in"
        ),
    ),
)
_ASKED = re.compile(r"[Tt]r(?:ied|ying) to allocate ([\d.]+ ?\w+)|Unable to allocate ([\d.]+ \w+)")
_FREE = re.compile(r"total capacity of ([\d.]+ \w+) of which ([\d.]+ \w+) is free")
_PID = re.compile(r"pid\(?s?\)? ([\d, ]+)")
_WIDTHS = ("base_channels", "depth", "embed_dims")
"""What sets the width of a network in a config, where something does."""
_WHAT: dict[Kind, str] = {
    "gpu": "the GPU's memory is full",
    "machine": "the machine's memory is full",
    "worker": "the system ended a process that was loading data, which it does when memory is full",
    "shared": "the processes that load data have no shared memory left (/dev/shm)",
}


def out_of_memory_message(error: BaseException, config: Mapping[str, Any] | None = None, part: str = "train") -> str | None:
    """Say what to change when memory was not enough.

    Recognised are the allocators' errors of CUDA, of Apple's GPUs and of CPUs, Python's own, one of the data loader's workers
    that the system killed, and shared memory that is used up; also where another error was raised because of one of them.

    Args:
        error: What was raised.
        config: The config of the run, for the numbers in the advice; without it, the advice names the settings alone.
        part: Whose data loader was running: ``'train'``, ``'val'`` or ``'test'``.

    Returns:
        One paragraph, or ``None`` where the error is about something else.
    """
    for cause in _causes(error):
        kind = _kind(cause)
        if kind is not None:
            return f"{_WHAT[kind]}{_figures(str(cause))}. {_advice(kind, config or {}, part)}"
    return None


@contextmanager
def memory_advice(config: Mapping[str, Any], part: str) -> Iterator[None]:
    """Turn errors that mean "not enough memory" into advice.

    Args:
        config: The config of the run.
        part: Whose data loader runs: ``'train'``, ``'val'`` or ``'test'``.

    Raises:
        InputError: In place of such an error, which is its cause. Others pass as they are.
    """
    try:
        yield
    except Exception as error:
        message = out_of_memory_message(error, config, part)
        if message is None:
            raise
        raise InputError(message) from error


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, each once."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop(0)
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            yield current
            waiting += [current.__cause__, None if current.__suppress_context__ else current.__context__]


def _kind(error: BaseException) -> Kind | None:
    if isinstance(error, torch.OutOfMemoryError):
        return "gpu"
    if isinstance(error, MemoryError):
        return "machine"
    if not isinstance(error, RuntimeError | OSError):
        return None
    return next((kind for kind, sign in _SIGNS if sign.search(str(error))), None)


def _figures(message: str) -> str:
    """How much was asked for and how much there was, where the message says so."""
    asked, free, process = _ASKED.search(message), _FREE.search(message), _PID.search(message)
    said = []
    if process is not None:
        said.append(f"process {process.group(1).strip(' ,')}")
    if asked is not None:
        said.append(f"{_readable(asked.group(1) or asked.group(2))} more were asked for")
    if free is not None:
        said.append(f"{free.group(2)} of {free.group(1)} were free")
    return f" ({', '.join(said)})" if said else ""


def _readable(size: str) -> str:
    """A size in the largest unit that leaves a whole number before the point, where it is in bytes."""
    number, unit = re.fullmatch(r"([\d.]+) ?(\w+)", size).groups()  # type: ignore[union-attr]
    if not unit.lower().startswith("byte"):
        return f"{number} {unit}"
    value = float(number)
    for name in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.4g} {name}"
        value /= 1024
    return f"{value:.4g} TiB"


def _advice(kind: Kind, config: Mapping[str, Any], part: str) -> str:
    loader = config.get(f"{part}_dataloader") or {}
    batch = _halved(f"{part}_dataloader.batch_size", loader.get("batch_size"))
    workers = _halved(f"{part}_dataloader.num_workers", loader.get("num_workers"), lowest=0)
    if kind == "shared":
        return f"Give them more (with Docker: --shm-size=8g){_or_lower(workers, batch)}."
    steps = {"gpu": (batch,), "machine": (batch, workers), "worker": (workers, batch)}[kind]
    first = " or ".join(step for step in steps if step)
    window = _halved("window_size", _window(loader))
    then = [f"lower {window}" if window else "", f"take {_smaller(config)}"]
    if part == "train" and kind == "gpu":
        then.append("compute in 16 bits (AutocastOptimWrapper)")
    rest = ", or ".join(step for step in then if step)
    if not first:
        return f"The batch cannot get smaller: {rest}."
    kept = " (accumulative_counts=2 in optim_wrapper keeps as many images per update)" if part == "train" and batch else ""
    return f"Lower {first}{kept}. If that is not enough, {rest}."


def _halved(name: str, value: Any, lowest: int = 1) -> str | None:
    """``name from n to n/2``; without a number the name alone, and nothing where it cannot be lowered."""
    if isinstance(value, list | tuple) and value and all(isinstance(side, int) for side in value):
        value = max(value)
    if not isinstance(value, int):
        return name
    return f"{name} from {value} to {max(lowest, value // 2)}" if value > lowest else None


def _window(loader: Mapping[str, Any]) -> Any:
    dataset: Any = loader.get("dataset")
    while isinstance(dataset, Mapping):
        if "window_size" in dataset:
            return dataset["window_size"]
        dataset = dataset.get("dataset") or next(iter(dataset.get("datasets") or ()), None)
    return None


def _smaller(config: Mapping[str, Any]) -> str:
    backbone = (config.get("model") or {}).get("backbone") or {}
    found = next((key for key in _WIDTHS if isinstance(backbone.get(key), int)), None)
    return "a smaller network" if found is None else f"a smaller network (model.backbone.{found} is {backbone[found]})"


def _or_lower(*steps: str | None) -> str:
    possible = " or ".join(step for step in steps if step)
    return f", or lower {possible}" if possible else ""
