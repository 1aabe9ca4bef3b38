"""Samples that carry the number of their draw, so that every random choice made for a sample follows from (seed, draw).

mmengine seeds its worker processes once. Which random numbers a sample then gets depends on which worker loads it and on what
that worker loaded before; without persistent workers every epoch starts again with the same ones, and a resumed run with others.
Here the index that a sampler hands out also says which draw of which epoch it is, and the sample is loaded under random states
that are made from the runner's seed and these two numbers: the same with any number of workers or ranks, different in every
epoch, and the same again after a resume.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import torch
from mmengine.dist import get_dist_info
from torch.utils.data import DataLoader, Dataset, RandomSampler, Sampler

from rs_da_mm.engine.random_state import entropy_words, preserved_random_state, seed_cpu
from rs_da_mm.errors import InputError


class DrawnIndex(int):
    """An index into a data set that knows its draw.

    Attributes:
        entropy: Seed, epoch, and number of the draw in the epoch over all ranks.
    """

    entropy: tuple[int, int, int]

    def __new__(cls, index: int, entropy: tuple[int, int, int]) -> DrawnIndex:
        """Make one; it is a plain index to whoever does not ask."""
        drawn = super().__new__(cls, index)
        drawn.entropy = entropy
        return drawn

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the draw on the way to a worker process."""
        return DrawnIndex, (int(self), self.entropy)


class SeededDataset(Dataset[Any]):
    """Loads each sample under the random states of its draw; in everything else it is the data set that it holds.

    Args:
        dataset: The data set.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def __getitem__(self, index: int) -> Any:
        """Load a sample; an index without a draw is passed on as it is."""
        if not isinstance(index, DrawnIndex):
            return self.dataset[index]
        if torch.utils.data.get_worker_info() is not None:
            # Nothing else draws in a worker process, so there is nothing to put back.
            seed_cpu(*index.entropy)
            return self.dataset[int(index)]
        with preserved_random_state():
            seed_cpu(*index.entropy)
            return self.dataset[int(index)]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getattr__(self, name: str) -> Any:
        # Not for private names: copying and unpickling ask for them before `dataset` is there.
        if name.startswith("__") or "dataset" not in self.__dict__:
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        # A hook that changes the pipeline during the training means that of the data set.
        if name == "dataset":
            super().__setattr__(name, value)
        else:
            setattr(self.dataset, name, value)


class NumberedBatchSampler(Sampler[list[int]]):
    """Another batch sampler's batches, numbered by draw; it can start in the middle of an epoch without loading anything.

    Sample ``j`` of rank ``r`` of ``n`` is draw ``j × n + r``: mmengine's samplers, and ours, deal the samples out in this order,
    so that ranks that share a global batch augment it exactly as one process would.

    Args:
        batches: What makes the batches: torch's ``BatchSampler`` over any sampler, or one of our own.
        seed: Seed that all ranks share.
    """

    def __init__(self, batches: Iterable[list[int]], seed: int) -> None:
        self.batches = batches
        self.seed = seed
        self.epoch = 0
        self._drawn = 0
        self._under_way: Iterator[list[int]] | None = None

    @property
    def sampler(self) -> Any:
        """What chooses the samples; mmengine's hooks look for it here."""
        return getattr(self.batches, "sampler", self.batches)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; the sampler below is told too, where it asks for it."""
        self.epoch = epoch
        if isinstance(self.sampler, RandomSampler):  # torch's own would draw its seed from what the model draws from
            self.sampler.generator = torch.Generator().manual_seed(entropy_words((self.seed, epoch))[0])
        for sampler in (self.batches, self.sampler):
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)

    def set_seed(self, seed: int) -> None:
        """Take another run's seed; the sampler below is told too, where it has one."""
        self.seed = seed
        if hasattr(self.sampler, "seed"):
            self.sampler.seed = seed

    def skip(self, batches: int) -> None:
        """Pass over batches from the start of the epoch, and on into the next epochs, without loading anything.

        Raises:
            InputError: When the sampler below makes no batches at all.
        """
        while True:
            self._drawn, self._under_way = 0, iter(self.batches)
            passed = 0
            for batch in islice(self._under_way, batches):
                self._drawn += len(batch)
                passed += 1
            batches -= passed
            if batches == 0:
                return
            if passed == 0:
                raise InputError(
                    "the training data set gives no batches: it is empty, or smaller than a batch with drop_last=True"
                )
            self.set_epoch(self.epoch + 1)

    def __iter__(self) -> Iterator[list[int]]:
        under_way, self._under_way = self._under_way, None
        drawn = self._drawn if under_way is not None else 0
        rank, world_size = get_dist_info()
        for batch in self.batches if under_way is None else under_way:
            yield [
                DrawnIndex(index, (self.seed, self.epoch, (drawn + place) * world_size + rank))
                for place, index in enumerate(batch)
            ]
            drawn += len(batch)

    def __len__(self) -> int:
        return len(self.batches)  # type: ignore[arg-type]


def number_draws(loader: DataLoader[Any], seed: int) -> DataLoader[Any]:
    """Build a data loader anew so that its samples carry their draws.

    Args:
        loader: A data loader that has not been iterated over. One that is numbered already is given back.
        seed: Seed that all ranks share.

    Returns:
        A loader with the same data set (behind :class:`SeededDataset`), batches and workers. It draws nothing from torch's
        global generator when it is iterated over, as torch's own do.

    Raises:
        InputError: When the data set is a stream, whose samples have no index.
    """
    if isinstance(loader.batch_sampler, NumberedBatchSampler):
        return loader
    if loader.batch_sampler is None:
        raise InputError(
            f"train_dataloader: {type(loader.dataset).__name__} comes without batches of indices (it is a stream, or batch_size "
            "is None), and a run over it cannot be resumed exactly. Use a data set with indices and a batch size, or mmengine's "
            "own loop (train_cfg.type='IterBasedTrainLoop')."
        )
    workers: dict[str, Any] = {}
    if loader.num_workers > 0:
        workers = {
            "prefetch_factor": loader.prefetch_factor,
            "persistent_workers": loader.persistent_workers,
            "multiprocessing_context": loader.multiprocessing_context,
            "timeout": loader.timeout,
        }
    return DataLoader(
        SeededDataset(loader.dataset),
        batch_sampler=NumberedBatchSampler(loader.batch_sampler, seed),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        worker_init_fn=loader.worker_init_fn,
        generator=torch.Generator().manual_seed(seed),
        **workers,
    )


def numbered_batches(loader: DataLoader[Any]) -> NumberedBatchSampler:
    """The batch sampler of a loader that :func:`number_draws` has built."""
    batches = loader.batch_sampler
    if not isinstance(batches, NumberedBatchSampler):
        raise TypeError("the data loader was not built by number_draws")
    return batches
