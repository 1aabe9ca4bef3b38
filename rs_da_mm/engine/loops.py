"""Training loops that a stopped run goes on in exactly where it was.

mmengine's own cannot start inside an epoch, load everything again that was trained on (iterations), leave out a validation that
the stop prevented, and let a validation change the random numbers of the training. These differ from them in that and in how
samples are seeded (:mod:`rs_da_mm.engine.sample_draws`); arguments, attributes and the order of hooks are mmengine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from mmengine.runner.base_loop import BaseLoop
from mmengine.runner.utils import calc_dynamic_intervals
from torch.utils.data import DataLoader

from rs_da_mm.engine.random_state import RandomState, preserved_random_state
from rs_da_mm.engine.sample_draws import number_draws, numbered_batches
from rs_da_mm.registry import LOOPS


class _Resumable(ABC):
    """What both loops share: numbered samples, a place to go on from, and validations that are made up for.

    The classes that inherit from it are mmengine's loops too.
    """

    runner: Any
    dataloader: DataLoader[Any]
    stop_training: bool
    val_begin: int
    val_interval: int
    _epoch: int
    _iter: int

    def _begin(self, runner: Runner) -> None:
        self.seed = shared_seed(runner)
        self._validated = 0
        self._outside_validation: RandomState | None = None
        self._to_restore: RandomState | None = None

    def run(self) -> torch.nn.Module:
        """Train until the end, or until a hook sets ``stop_training``."""
        try:
            self._train()
        finally:
            for loader in (self.dataloader, getattr(self.runner.val_loop, "dataloader", None)):
                _stop_workers(loader)
        model: torch.nn.Module = self.runner.model
        return model

    @abstractmethod
    def _train(self) -> None:
        """Call the hooks and train from where the run is to its end."""

    def random_state(self) -> RandomState:
        """The random state that the training goes on with, during a validation too."""
        return RandomState.capture() if self._outside_validation is None else self._outside_validation

    def mark_validated(self) -> None:
        """Note that the validation under way is done, as far as a checkpoint that is written now is concerned."""
        self._validated = self._progress()

    def state_dict(self) -> dict[str, Any]:
        """Where the loop is, beside its epoch and iteration, as plain data."""
        return {
            "seed": self.seed,
            "validated": self._validated,
            "stop_training": self.stop_training,
            "epoch_length": len(self.dataloader),
            "batch_size": _batch_size(self.dataloader),
            "world_size": get_world_size(),
        }

    def load_state_dict(self, state: Mapping[str, Any], random_state: RandomState | None) -> None:
        """Go on where :meth:`state_dict` was taken; epoch and iteration have been set by mmengine's ``Runner.resume``.

        Args:
            state: What :meth:`state_dict` gave.
            random_state: What this rank drew from, put back when the first iteration is about to start.
        """
        self.seed = state["seed"]
        numbered_batches(self.dataloader).set_seed(self.seed)
        self._validated = state["validated"]
        self.stop_training = state["stop_training"]
        self._to_restore = random_state
        self._compare(state)

    def _compare(self, state: Mapping[str, Any]) -> None:
        """Warn when batches are no longer what they were."""
        now = self.state_dict()
        names = {"epoch_length": "batches in an epoch", "batch_size": "samples in a batch", "world_size": "ranks"}
        changes = [f"{text} {state[key]} → {now[key]}" for key, text in names.items() if state[key] != now[key]]
        if changes:
            self.runner.logger.warning(
                f"The run goes on with other batches than it began with ({', '.join(changes)}): it will not give the numbers of "
                "an uninterrupted run."
            )

    def _restore_random_state(self) -> None:
        if self._to_restore is not None:
            self._to_restore.restore()
            self._to_restore = None

    @abstractmethod
    def _progress(self) -> int:
        """Epochs or iterations that are done, whichever validations are counted in."""

    @abstractmethod
    def _last(self) -> int:
        """The progress at which the training ends."""

    def _validate_if_due(self) -> None:
        """Validate, unless that has been done at this point of the training, without disturbing its random numbers."""
        self._decide_current_val_interval()  # type: ignore[attr-defined]
        progress = self._progress()
        turn = progress % self.val_interval == 0 or progress == self._last()
        if self.runner.val_loop is None or progress < self.val_begin or not turn or progress == self._validated:
            return
        self._outside_validation = RandomState.capture()
        try:
            with preserved_random_state(seed=(self.seed, get_rank())):
                self.runner.val_loop.run()
        finally:
            self._outside_validation = None
        self.mark_validated()


@LOOPS.register_module()
class ResumableEpochBasedTrainLoop(_Resumable, EpochBasedTrainLoop):
    """mmengine's ``EpochBasedTrainLoop`` that can go on inside an epoch.

    Args:
        runner: The runner.
        dataloader: The training data loader, or its config.
        max_epochs: Epochs to train.
        val_begin: First epoch after which to validate.
        val_interval: Epochs from one validation to the next.
        dynamic_intervals: Pairs of an epoch and the interval from there on.

    Raises:
        InputError: When the data set has no indices.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader[Any] | dict[str, Any],
        max_epochs: int,
        val_begin: int = 1,
        val_interval: int = 1,
        dynamic_intervals: list[tuple[int, int]] | None = None,
    ) -> None:
        loader = numbered_loader(runner, dataloader)
        super().__init__(runner, loader, max_epochs, val_begin, val_interval, dynamic_intervals)
        self._begin(runner)

    def _train(self) -> None:
        self.runner.call_hook("before_train")
        if self._epoch > 0 and self._batches_done() == 0:
            self._restore_random_state()
            self._validate_if_due()
        while self._epoch < self._max_epochs and not self.stop_training:
            self.run_epoch()
            self._validate_if_due()
        self.runner.call_hook("after_train")

    def run_epoch(self) -> None:
        """Train on what is left of the epoch."""
        done = self._batches_done()
        batches = numbered_batches(self.dataloader)
        batches.set_epoch(self._epoch)
        batches.skip(done)
        if done == 0:
            self._restore_random_state()
        self.runner.call_hook("before_train_epoch")
        self._restore_random_state()  # inside an epoch: as it was after these hooks and the iterations up to here
        self.runner.model.train()
        for index, data_batch in enumerate(self.dataloader, start=done):
            self.run_iter(index, data_batch)
        self.runner.call_hook("after_train_epoch")
        self._epoch += 1

    def _batches_done(self) -> int:
        return min(max(self._iter - self._epoch * len(self.dataloader), 0), len(self.dataloader))

    def _compare(self, state: Mapping[str, Any]) -> None:
        super()._compare(state)
        was, now = state["epoch_length"], len(self.dataloader)
        if was != now:
            # The same share of the epoch counts as done.
            done = self._iter - self._epoch * was
            self._iter = self._epoch * now + round(done * now / was)

    def _progress(self) -> int:
        return self._epoch

    def _last(self) -> int:
        return self._max_epochs


@LOOPS.register_module()
class ResumableIterBasedTrainLoop(_Resumable, IterBasedTrainLoop):
    """mmengine's ``IterBasedTrainLoop`` that goes on without loading again what it has trained on.

    Any sampler will do: one that ends is started again, as the next epoch of draws, without a pause.

    Args:
        runner: The runner.
        dataloader: The training data loader, or its config.
        max_iters: Iterations to train.
        val_begin: First iteration after which to validate.
        val_interval: Iterations from one validation to the next.
        dynamic_intervals: Pairs of an iteration and the interval from there on.

    Raises:
        InputError: When the data set has no indices.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader[Any] | dict[str, Any],
        max_iters: int,
        val_begin: int = 1,
        val_interval: int = 1000,
        dynamic_intervals: list[tuple[int, int]] | None = None,
    ) -> None:
        # Not mmengine's own: on one of the two stacks it starts the workers here, before a resumed run knows where it is.
        BaseLoop.__init__(self, runner, numbered_loader(runner, dataloader))
        self._max_iters = int(max_iters)
        self._max_epochs = 1
        self._epoch = 0
        self._iter = 0
        self.val_begin = val_begin
        self.val_interval = val_interval
        self.stop_training = False
        if hasattr(self.dataloader.dataset, "metainfo"):
            self.runner.visualizer.dataset_meta = self.dataloader.dataset.metainfo
        self.dynamic_milestones, self.dynamic_intervals = calc_dynamic_intervals(val_interval, dynamic_intervals)
        self._begin(runner)

    def _train(self) -> None:
        self.runner.call_hook("before_train")
        # As in mmengine, the whole training is one epoch to the hooks.
        self.runner.call_hook("before_train_epoch")
        self._restore_random_state()
        if self._iter > 0:
            self._validate_if_due()
        self.dataloader_iterator = self._endless_batches(self._iter)
        while self._iter < self._max_iters and not self.stop_training:
            self.runner.model.train()
            self.run_iter(next(self.dataloader_iterator))
            self._validate_if_due()
        self.runner.call_hook("after_train_epoch")
        self.runner.call_hook("after_train")

    def _endless_batches(self, start: int) -> Iterator[Sequence[Any]]:
        batches = numbered_batches(self.dataloader)
        batches.set_epoch(0)
        batches.skip(start)
        while True:
            yield from self.dataloader
            batches.set_epoch(batches.epoch + 1)

    def _progress(self) -> int:
        return self._iter

    def _last(self) -> int:
        return self._max_iters


def shared_seed(runner: Runner) -> int:
    """The runner's seed before its rank is added to it, the same on all ranks."""
    own: int = runner.seed
    return own - (get_rank() if runner._randomness_cfg.get("diff_rank_seed", False) else 0)


def numbered_loader(runner: Runner, dataloader: DataLoader[Any] | dict[str, Any]) -> DataLoader[Any]:
    """Build a training data loader whose samples carry their draws, and whose sampler has the runner's seed on all ranks."""
    seed = shared_seed(runner)
    return number_draws(runner.build_dataloader(dataloader, seed=seed, diff_rank_seed=False), seed)


def _stop_workers(loader: DataLoader[Any] | None) -> None:
    """End persistent workers now: left to Python's garbage collection, each takes five seconds to notice."""
    iterator = getattr(loader, "_iterator", None)
    if loader is not None and iterator is not None and hasattr(iterator, "_shutdown_workers"):
        iterator._shutdown_workers()
        loader._iterator = None


def _batch_size(loader: DataLoader[Any]) -> int | None:
    size: int | None = getattr(numbered_batches(loader).batches, "batch_size", None)
    return size
