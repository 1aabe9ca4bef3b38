"""An epoch in which rare classes are met as often as one wants."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_dist_info, sync_random_seed
from numpy.typing import NDArray
from torch.utils.data import Sampler

from rs_da_mm.engine.random_state import entropy_words
from rs_da_mm.errors import InputError
from rs_da_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ClassBalancedSampler(Sampler[int]):
    """Draws windows with replacement, those with rare classes more often than they come.

    A draw takes a class, and then a window by how many pixels of this class it has:

    * class c of N_c pixels with a probability proportional to N_c^(1 - exponent),
    * its window w with the probability n_wc / N_c, where n_wc are the window's pixels of the class.

    With ``exponent=0`` the pixels of all classes count alike, so a window is drawn by how much of it is labelled; with 1 every
    class is drawn equally often; 0.5 is between them (the square root). A window without labelled pixels is never drawn. What is
    drawn follows from seed and epoch, on any number of ranks: draw j of the epoch goes to rank j mod n. An epoch that does not
    divide among the ranks is rounded up to one that does.

    Args:
        dataset: A data set with ``class_counts()`` (``SceneWindowDataset`` has it), or several of them joined or repeated by
            mmengine's wrappers.
        exponent: 0 to 1; how far the classes are balanced.
        samples_per_epoch: Samples in an epoch, over all ranks; as many as the data set has when it is not given.
        seed: Seed that all ranks share (mmengine gives the runner's); ``None`` agrees on a random one.

    Raises:
        InputError: When the data set does not know its classes, or has no labelled pixel, or an argument cannot be meant so.
    """

    def __init__(
        self, dataset: Sized, exponent: float = 0.5, samples_per_epoch: int | None = None, seed: int | None = None
    ) -> None:
        if isinstance(exponent, bool) or not isinstance(exponent, (int, float)) or not 0 <= exponent <= 1:
            raise InputError(f"ClassBalancedSampler: exponent is {exponent!r}; give 0 (as they come) to 1 (all classes alike).")
        samples = len(dataset) if samples_per_epoch is None else samples_per_epoch
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
            raise InputError(f"ClassBalancedSampler: an epoch of {samples!r} samples; give a whole number of 1 or more.")
        self.rank, self.world_size = get_dist_info()
        self.dataset = dataset
        self.exponent = exponent
        self.samples_per_epoch = samples
        self.seed: int = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.probabilities = window_probabilities(pixels_of_classes(dataset), exponent)
        """``(len(dataset),)`` how likely each sample is in a draw."""
        if not self.probabilities.any():
            raise InputError(
                "ClassBalancedSampler: not one pixel of the training data set is labelled, so there is nothing to draw."
            )

    @property
    def share(self) -> int:
        """Samples of an epoch that this rank takes."""
        return -(-self.samples_per_epoch // self.world_size)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(entropy_words((self.seed, self.epoch))[0])
        drawn = torch.rand(self.share * self.world_size, generator=generator, dtype=torch.float64).numpy()
        ends = np.cumsum(self.probabilities)
        # The ends may add up to a hair less than 1; the last window that can be drawn takes what is left.
        last = int(np.flatnonzero(self.probabilities)[-1])
        windows = np.minimum(np.searchsorted(ends, drawn, side="right"), last)
        yield from windows[self.rank :: self.world_size].tolist()

    def __len__(self) -> int:
        return self.share

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch's draws; mmengine's ``DistSamplerSeedHook`` calls it before every epoch."""
        self.epoch = epoch


def window_probabilities(pixels: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """Work out how likely each window is in a draw.

    Args:
        pixels: ``(windows, classes)`` pixels of each class.
        exponent: 0 to 1, see :class:`ClassBalancedSampler`.

    Returns:
        ``(windows,)`` the sum over the classes of P(c) n_wc / N_c; they add up to 1, or are all 0 where nothing is labelled.
    """
    total = pixels.sum(axis=0).astype(np.float64)
    there = total > 0
    if not there.any():
        return np.zeros(len(pixels))
    of_class = (total[there] / total.max()) ** (1 - exponent)
    chances: NDArray[np.float64] = (pixels[:, there] / total[there]) @ (of_class / of_class.sum())
    return chances


def pixels_of_classes(dataset: Any) -> NDArray[np.int64]:
    """Count the pixels of each class in the samples of a data set, or of several that mmengine's wrappers join or repeat.

    Args:
        dataset: The data set.

    Returns:
        ``(len(dataset), classes)``.

    Raises:
        InputError: When it does not know its classes, or the classes of joined data sets differ.
    """
    if hasattr(dataset, "class_counts"):
        counts: NDArray[np.int64] = dataset.class_counts()[:, :-1]
    elif hasattr(dataset, "datasets"):
        parts = [pixels_of_classes(part) for part in dataset.datasets]
        if len({part.shape[1] for part in parts}) != 1:
            raise InputError(
                f"ClassBalancedSampler: the joined data sets have {', '.join(str(part.shape[1]) for part in parts)} classes; "
                "they must have the same."
            )
        counts = np.concatenate(parts)
    elif hasattr(dataset, "dataset"):
        inner = pixels_of_classes(dataset.dataset)
        order = getattr(dataset, "repeat_indices", None)  # mmengine's ClassBalancedDataset; its RepeatDataset goes round
        counts = inner[order] if order is not None else inner[np.arange(len(dataset)) % max(len(inner), 1)]
    else:
        counts = np.zeros((0, 0), dtype=np.int64)
    if len(counts) != len(dataset) or not len(counts):
        raise InputError(
            f"ClassBalancedSampler: {type(dataset).__name__} does not tell which classes its samples hold (class_counts()). "
            "Use it with a data set of rs_da_mm, or take another sampler, such as DrawWithReplacementSampler."
        )
    return counts
