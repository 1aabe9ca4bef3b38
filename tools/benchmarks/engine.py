"""What does the engine cost: its hooks in every iteration, its checkpoints, its numbered samples?

Three measurements on MACU-Net's GID config, the last two against plain mmengine in the same process, in turn. Prints Markdown
tables, and at the end a line of JSON. Without ``--data-root`` it makes a miniature of GID in a temporary folder.

Usage: ``python tools/benchmarks/engine.py [--iterations 20] [--rounds 5] [--batch 4]``
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmengine.visualization import Visualizer

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import _timing

from rs_da_mm.datasets.samples.catalogue import MINIATURES
from rs_da_mm.datasets.samples.miniature import make_miniature
from rs_da_mm.engine.hooks.nonfinite_guard import NonFiniteGuardHook

ROOT = Path(__file__).resolve().parents[2]
OURS = "rs_da_mm."


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, help="a folder `data` with GID in it")
    parser.add_argument("--iterations", type=int, default=20, help="iterations that are timed, after 5 that are not")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of checkpoints and of epochs of loading")
    parser.add_argument("--batch", type=int, default=4, help="windows of 256 × 256 in a batch")
    return parser.parse_args()


def read_config(data: Path, work_dir: Path, arguments: argparse.Namespace) -> Config:
    """MACU-Net's config without validation, for as many iterations as are wanted."""
    config = Config.fromfile(str(ROOT / "configs" / "macunet_gid.py"))
    for loader in (config.train_dataloader, config.val_dataloader, config.test_dataloader):
        loader.dataset.data_root = str(data / Path(loader.dataset.data_root).relative_to("data"))
    steps = arguments.iterations + 5
    config.train_dataloader.update(batch_size=arguments.batch, num_workers=0, persistent_workers=False)
    config.train_dataloader.sampler.update(draws=steps, samples_per_draw=arguments.batch)
    config.train_cfg.max_epochs = 1
    for part in ("val", "test"):
        for name in ("cfg", "dataloader", "evaluator"):
            config.pop(f"{part}_{name}")
    config.param_scheduler = None
    config.default_hooks.checkpoint.pop("save_best")
    config.custom_hooks = [hook for hook in config.custom_hooks if hook["type"] != "EarlyStoppingHook"]
    config.work_dir = str(work_dir)
    config.log_level = "ERROR"
    return config


def build(config: Config) -> Runner:
    """A runner as if none had been built in this process."""
    for kind in (DefaultScope, MessageHub, MMLogger, Visualizer):
        kind._instance_dict.clear()
    return Runner.from_cfg(config)


class Stopwatch:
    """Sums up the time spent in calls, iteration by iteration."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._now: dict[str, float] = {}

    def watch(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Time a function under a name."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self._now[name] = self._now.get(name, 0.0) + time.perf_counter() - start

        return timed

    def next_iteration(self) -> None:
        """Close an iteration."""
        for name, seconds in self._now.items():
            self.seconds.setdefault(name, []).append(seconds)
        self._now = {}


def measure_hooks(config: Config, skip: int = 5) -> dict[str, float]:
    """Median seconds per iteration of the step and of each hook, by name; those of this project begin with its name."""
    runner, watch = build(config), Stopwatch()
    before_step = watch.watch(f"{OURS}NonFiniteGuardHook", NonFiniteGuardHook._before_step)
    NonFiniteGuardHook._before_step = lambda hook, *words: before_step(hook, *words)  # type: ignore[method-assign]
    for hook in runner.hooks:
        name = type(hook).__name__
        name = f"{OURS}{name}" if type(hook).__module__.startswith(OURS) else name
        for stage in ("before_train_iter", "after_train_iter"):
            setattr(hook, stage, watch.watch(name, getattr(hook, stage)))
    last = max(runner.hooks, key=lambda hook: runner.hooks.index(hook))
    closing = last.after_train_iter

    def close(*args: Any, **kwargs: Any) -> None:
        closing(*args, **kwargs)
        watch.next_iteration()

    last.after_train_iter = close
    runner.model.train_step = watch.watch("step", runner.model.train_step)
    runner.train()
    return {name: statistics.median(seconds[skip:]) for name, seconds in watch.seconds.items()}


def measure_checkpoints(config: Config, rounds: int) -> dict[str, list[float]]:
    """Seconds for which a training waits for a checkpoint, and for the bare bytes to reach the disk."""
    calls: dict[str, Callable[[], object]] = {}
    for kind in ("CheckpointHook", "AtomicCheckpointHook"):
        own = config.copy()
        own.work_dir = str(Path(config.work_dir) / kind)
        own.default_hooks.checkpoint.update(type=kind, interval=-1, save_last=False, max_keep_ckpts=2)
        runner = build(own)
        runner.train()
        hook = next(hook for hook in runner.hooks if type(hook).__name__ == kind)
        calls[kind] = partial(_save_next, hook, runner, itertools.count())
    calls["AtomicCheckpointHook"]()
    newest = max(Path(config.work_dir, "AtomicCheckpointHook").glob("epoch_*.pth"), key=lambda path: path.stat().st_mtime)
    content = newest.read_bytes()

    def bare() -> None:
        with Path(config.work_dir, "bare").open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    timed = _timing.time_interleaved({**calls, "write and fsync": bare}, rounds, torch.device("cpu"))
    return {**timed, "megabytes": [len(content) / 1e6]}


def _save_next(hook: Any, runner: Runner, steps: Iterator[int]) -> None:
    hook._save_checkpoint_with_step(runner, next(steps), {"epoch": 1, "iter": runner.iter})


def _count_samples(loader: Any) -> int:
    return sum(len(batch["inputs"]) for batch in loader)


def measure_loading(config: Config, rounds: int) -> dict[str, list[float]]:
    """Samples per second of an epoch of the training data, without a network."""
    calls: dict[str, Callable[[], object]] = {}
    with contextlib.ExitStack() as stack:
        for workers in (0, 2):
            for kind in ("EpochBasedTrainLoop", "ResumableEpochBasedTrainLoop"):
                own = config.copy()
                own.train_cfg.type = kind
                own.train_dataloader.update(num_workers=workers, persistent_workers=workers > 0)
                loader = _loader(own)
                stack.callback(_end_workers, loader)
                calls[f"{kind}, {workers} workers"] = partial(_count_samples, loader)
        samples = _count_samples(loader)
        timed = _timing.time_interleaved(calls, rounds, torch.device("cpu"))
    return {name: [samples / value for value in seconds] for name, seconds in timed.items()}


def _loader(config: Config) -> Any:
    runner = build(config)
    return runner.build_train_loop(runner._train_loop).dataloader


def _end_workers(loader: Any) -> None:
    if loader._iterator is not None:
        loader._iterator._shutdown_workers()


def _shown(name: str) -> str:
    return name.removeprefix(OURS) if name.startswith(OURS) else f"{name} (mmengine)"


@contextlib.contextmanager
def data_folder(given: Path | None, scratch: Path) -> Iterator[Path]:
    """The folder ``data``, with a miniature where none is given."""
    if given is None:
        make_miniature(MINIATURES["gid"], scratch / "data", size="small")
    yield given or scratch / "data"


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    with tempfile.TemporaryDirectory() as folder, data_folder(arguments.data_root, Path(folder)) as data:
        config = read_config(data, Path(folder) / "work", arguments)
        hooks = measure_hooks(config)
        checkpoints = measure_checkpoints(config, arguments.rounds)
        loading = measure_loading(config, arguments.rounds)
    print(f"{_timing.machine(torch.device('cpu'))}\n")
    step = hooks.pop("step")
    print(f"Hooks, per iteration of {step * 1e3:.0f} ms (batch {arguments.batch}, median of {arguments.iterations}):\n")
    ours = {name: seconds for name, seconds in hooks.items() if name.startswith(OURS)}
    rows = [(_shown(name), seconds) for name, seconds in sorted(hooks.items(), key=lambda item: -item[1])]
    rows.append(("**all of this project**", sum(ours.values())))
    print(_timing.markdown_table(("hook", "ms", "of a step"), [(name, f"{s * 1e3:.3f}", f"{s / step:.3%}") for name, s in rows]))
    megabytes = checkpoints.pop("megabytes")[0]
    print(f"\nA checkpoint of {megabytes:.1f} MB, time that the training waits (median of {arguments.rounds}):\n")
    rows = [(name, statistics.median(seconds)) for name, seconds in checkpoints.items()]
    print(_timing.markdown_table(("", "ms"), [(name, f"{seconds * 1e3:.0f}") for name, seconds in rows]))
    ratio = _timing.median_ratio(checkpoints["AtomicCheckpointHook"], checkpoints["CheckpointHook"])
    print(f"\nAtomicCheckpointHook takes {ratio:.2f} times as long as CheckpointHook.\n\nSamples loaded and augmented:\n")
    rates = [(name, f"{statistics.median(found):.0f}") for name, found in loading.items()]
    print(_timing.markdown_table(("loop", "samples/s"), rates))
    print(json.dumps({"step": step, "hooks": hooks, "checkpoints": checkpoints, "megabytes": megabytes, "loading": loading}))


if __name__ == "__main__":
    main()
