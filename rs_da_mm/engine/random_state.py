"""The random states of a process: taken, put back, and kept apart from what must not disturb them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch

_NUMPY_BITS = "MT19937"


class RandomState(NamedTuple):
    """What Python, NumPy and torch would draw next in this process, as plain data and tensors.

    Attributes:
        python: ``random.getstate()``, its 625 words as a tensor, with version and cached Gaussian.
        numpy: The state of NumPy's global generator, likewise.
        torch: The CPU generator's state.
        cuda: The current GPU's state, or ``None`` where no GPU is in use.
    """

    python: dict[str, Any]
    numpy: dict[str, Any]
    torch: torch.Tensor
    cuda: torch.Tensor | None

    @classmethod
    def capture(cls) -> RandomState:
        """Take the present state; nothing is drawn."""
        version, words, cached = random.getstate()
        _, key, position, has_gauss, gauss = np.random.get_state()  # noqa: NPY002  (transforms of mmcv and mmseg draw from it)
        return cls(
            {"version": version, "words": torch.tensor(words), "gauss": cached},
            {
                # torch has no full uint32
                "key": torch.from_numpy(np.asarray(key, dtype=np.int64)),
                "position": int(position),
                "has_gauss": int(has_gauss),
                "gauss": float(gauss),
            },
            torch.get_rng_state(),
            _cuda_state(),
        )

    def restore(self) -> None:
        """Put this state in place; a GPU's is passed over on a machine without one."""
        random.setstate((self.python["version"], tuple(self.python["words"].tolist()), self.python["gauss"]))
        key = self.numpy["key"].cpu().numpy().astype(np.uint32)
        np.random.set_state(  # noqa: NPY002
            (_NUMPY_BITS, key, self.numpy["position"], self.numpy["has_gauss"], self.numpy["gauss"])
        )
        torch.set_rng_state(self.torch.cpu())
        if self.cuda is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(self.cuda.cpu())


def seed_everything(*entropy: int) -> None:
    """Seed Python, NumPy and torch (CPU and GPU) of this process from a few whole numbers.

    Args:
        *entropy: Numbers of at least 0; any change of any of them gives unrelated states.
    """
    seed_cpu(*entropy)
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.manual_seed(entropy_words(entropy)[2])


def seed_cpu(*entropy: int) -> None:
    """Seed Python, NumPy and torch's CPU generator: what a sample is loaded and augmented with."""
    words = entropy_words(entropy)
    random.seed(words[0])
    np.random.seed(words[1] & 0xFFFFFFFF)  # noqa: NPY002
    torch.default_generator.manual_seed(words[2])


@contextmanager
def preserved_random_state(seed: Sequence[int] | None = None) -> Iterator[None]:
    """Whatever is drawn inside changes nothing of what is drawn afterwards.

    Args:
        seed: What to seed with inside, see :func:`seed_everything`; without it the inside goes on from the present state.
    """
    # As Python, NumPy and torch hold them: this is called for every sample, and the plain form takes longer.
    python, numpy, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    cuda = _cuda_state()
    try:
        if seed is not None:
            seed_everything(*seed)
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state(cuda)


def _cuda_state() -> torch.Tensor | None:
    return torch.cuda.get_rng_state() if torch.cuda.is_available() and torch.cuda.is_initialized() else None


def entropy_words(entropy: Sequence[int]) -> list[int]:
    """Make three seeds of 63 bits from whole numbers of at least 0."""
    # With their count, since zeros at the end would not count.
    words: list[int] = np.random.SeedSequence([*entropy, len(entropy)]).generate_state(3, np.uint64).tolist()
    return [word >> 1 for word in words]  # torch takes signed 64 bits
