"""Which samples make an epoch, and which of them make a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np
import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from rs_da_mm.errors import InputError
from rs_da_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class DrawWithReplacementSampler(Sampler[int]):
    """An epoch of random draws with replacement, however many samples the data set has.

    MACU-Net's schedule (authors' code, ``train.py``): an epoch is 20 draws of 100 images, so 2000 images. Every rank takes an
    equal and disjoint part of every draw; a draw that does not divide among the ranks is rounded up to one that does, since
    ranks with unequal numbers of batches would wait for each other for ever. The same seed and epoch draw the same samples.

    Args:
        dataset: What to draw from.
        draws: Draws in an epoch.
        samples_per_draw: Samples in a draw, over all ranks.
        seed: Seed that all ranks share (mmengine gives the runner's); ``None`` agrees on a random one.

    Raises:
        ValueError: When the data set is empty, or ``draws`` or ``samples_per_draw`` is not positive.
    """

    def __init__(self, dataset: Sized, draws: int = 20, samples_per_draw: int = 100, seed: int | None = None) -> None:
        if len(dataset) == 0 or draws < 1 or samples_per_draw < 1:
            raise ValueError(
                f"nothing to draw: {len(dataset)} samples in the data set, {draws} draws of {samples_per_draw} each; expected "
                "all three to be positive"
            )
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.draws = draws
        self.samples_per_draw = samples_per_draw
        self.seed: int = sync_random_seed() if seed is None else seed
        self.epoch = 0

    @property
    def share_per_draw(self) -> int:
        """Samples of a draw that this rank takes."""
        return -(-self.samples_per_draw // self.world_size)

    def __iter__(self) -> Iterator[int]:
        # Entropy from both numbers: seed + epoch would give epoch 1 of seed 0 the samples of epoch 0 of seed 1.
        entropy = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)[0]
        generator = torch.Generator().manual_seed(int(entropy))
        shape = (self.draws, self.share_per_draw * self.world_size)
        drawn = torch.randint(len(self.dataset), shape, generator=generator)
        yield from drawn[:, self.rank :: self.world_size].flatten().tolist()

    def __len__(self) -> int:
        return self.draws * self.share_per_draw

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch's draws; mmengine's ``DistSamplerSeedHook`` calls it before every epoch."""
        self.epoch = epoch


@DATA_SAMPLERS.register_module()
class DrawBatchSampler(Sampler[list[int]]):
    """Batches that end with their draw: 100 samples in batches of 16 give six of 16 and one of 4, seven steps a draw.

    With several ranks a batch is one rank's: two ranks with 16 take 50 samples of a draw of 100 each, in batches of 16, 16, 16
    and 2, so four steps a draw. For the authors' seven steps over two ranks, give 8 (the batches are then 6 × 8 + 2 a rank).

    Args:
        sampler: Where samples come from.
        batch_size: Samples in a batch of one rank, at most.
        drop_last: Whether to leave out the smaller batch at the end of every draw.

    Raises:
        InputError: When the sampler does not draw.
        ValueError: When ``batch_size`` is not positive, or larger than a draw whose only batch would be dropped.
    """

    def __init__(self, sampler: DrawWithReplacementSampler, batch_size: int, drop_last: bool = False) -> None:
        if not isinstance(sampler, DrawWithReplacementSampler):
            raise InputError(
                f"batch_sampler=dict(type='DrawBatchSampler') needs sampler=dict(type='DrawWithReplacementSampler'), found "
                f"{type(sampler).__name__}. With another sampler, set batch_sampler=None too."
            )
        if batch_size < 1 or (drop_last and batch_size > sampler.share_per_draw):
            raise ValueError(f"batch_size={batch_size} makes no batch of the {sampler.share_per_draw} samples that a rank draws")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        samples = iter(self.sampler)
        for _ in range(self.sampler.draws):
            draw = [next(samples) for _ in range(self.sampler.share_per_draw)]
            for start in range(0, len(draw), self.batch_size):
                batch = draw[start : start + self.batch_size]
                if len(batch) == self.batch_size or not self.drop_last:
                    yield batch

    def __len__(self) -> int:
        share = self.sampler.share_per_draw
        per_draw = share // self.batch_size if self.drop_last else -(-share // self.batch_size)
        return self.sampler.draws * per_draw
