"""What reads the image first, kept in float32 where the rest of a network computes in half precision.

The values of an image lie close together and far from 0 beside what tells them apart, and half precision has three digits. Behind
the first convolutions that is no longer so. They take little time in float32, since they have few channels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

_MOST = 4
"""Of a network that hardly makes the image smaller, so many convolutions are first ones."""


class _Call(NamedTuple):
    """A convolution that was called, and what with."""

    name: str
    module: nn.Conv2d
    reads_image: bool
    size: tuple[int, int]


def keep_first_layers_in_float32(network: nn.Module, image: Tensor) -> list[str]:
    """Let the convolutions that see the image at its own and at half its size first compute in float32, also under autocast.

    Args:
        network: A segmentor of mmseg, in evaluation mode; it computes the image once.
        image: ``(1, bands, h, w)`` float32, of values that nothing inside the network has by chance.

    Returns:
        The names of these convolutions, up to four; none where the image goes through something else first, as through the blocks
        of a MACU-Net that is not fused.
    """
    names: list[str] = []
    for call in _calls(network, image):
        reads_first = call.reads_image or names
        if not reads_first or 2 * call.size[0] < image.shape[-2] or len(names) == _MOST:
            break
        if call.name not in names:
            names.append(call.name)
            setattr(call.module, "forward", _in_float32(call.module.forward))  # noqa: B010 (mypy: a method is replaced)
    return names


def _in_float32(forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Let a layer compute without autocast; plainly, so that ``torch.compile`` can see through."""

    def in_float32(read: Tensor) -> Tensor:
        with torch.autocast(read.device.type, enabled=False):
            return forward(read.float())

    return in_float32


@torch.inference_mode()
def _calls(network: Any, image: Tensor) -> list[_Call]:
    """The convolutions that a network calls, in order."""
    names = {module: name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    calls: list[_Call] = []

    def note(module: nn.Conv2d, arguments: tuple[Tensor, ...]) -> None:
        (read,) = arguments
        is_image = read.shape == image.shape and torch.equal(read, image)  # it may be a copy that is laid out otherwise
        calls.append(_Call(names[module], module, is_image, (int(read.shape[-2]), int(read.shape[-1]))))

    hooks = [module.register_forward_pre_hook(note) for module in names]
    try:
        size = (int(image.shape[-2]), int(image.shape[-1]))
        network.encode_decode(image, [{"img_shape": size, "ori_shape": size, "pad_shape": size, "padding_size": (0, 0, 0, 0)}])
    except Exception:  # what it says to an image of this size matters only where it is to compute one
        return []
    finally:
        for hook in hooks:
            hook.remove()
    return calls
