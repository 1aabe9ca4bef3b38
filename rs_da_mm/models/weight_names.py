"""Finding which weights of a file belong to which of a network, where one of them has something in front of its names."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from torch import Tensor

_DEEPEST = 3
"""How many segments in front of a name are tried, as in ``module.backbone.encoder.conv1.weight``."""


def match_names(own: Mapping[str, Tensor], weights: Mapping[str, Tensor], prefix: str | None = None) -> dict[str, str]:
    """Find the leading segments to take off the file's names, and to put in front of them, by which most weights fit.

    Args:
        own: The network's weights by name.
        weights: The file's.
        prefix: What to take off, where it is known; other names of the file are left out.

    Returns:
        The file's name, by the network's, of weights whose shapes fit (:func:`is_inflatable` included); of equally good ways
        the one that changes names least. Empty where nothing fits.
    """
    by_tail: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name in own:
        for lead, tail in _cuts(name):
            by_tail[tail].append((lead, name))
    fitting: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for name, weight in weights.items():
        for lead, tail in _cuts(name) if prefix is None else _cut_off(name, prefix):
            for ahead, target in by_tail[tail]:
                if own[target].shape == weight.shape or is_inflatable(weight, own[target]):
                    fitting[lead, ahead][target] = name
    sizes = Counter({way: len(names) for way, names in fitting.items()})
    if not sizes:
        return {}
    return fitting[min(sizes, key=lambda way: (-sizes[way], way[0].count(".") + way[1].count("."), way))]


def is_inflatable(weight: Tensor, own: Tensor) -> bool:
    """Whether a file's weight is a first convolution for three bands, and the network's the same for any number."""
    return weight.dim() == own.dim() == 4 and weight.shape[1] == 3 and weight[:, 0].shape == own[:, 0].shape


def _cuts(name: str) -> Iterator[tuple[str, str]]:
    """A name in two, with none to three segments in the first part."""
    segments = name.split(".")
    for count in range(min(_DEEPEST, len(segments) - 1) + 1):
        yield "".join(f"{segment}." for segment in segments[:count]), ".".join(segments[count:])


def _cut_off(name: str, prefix: str) -> Iterator[tuple[str, str]]:
    if name.startswith(prefix):
        yield prefix, name[len(prefix) :]
