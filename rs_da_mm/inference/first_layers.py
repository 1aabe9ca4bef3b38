"""What reads the image first, kept in float32 where the rest of a network computes in half precision.

The values of an image lie close together and far from 0 beside what tells them apart, and half precision has three digits. Behind
the first convolution that is no longer so. In float32 it takes little time, since it has few channels to read.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rs_da_mm.models.adversarial.float32 import fp32_island


def keep_first_layers_in_float32(network: nn.Module, image: Tensor) -> list[str]:
    """Let the convolutions that read the image compute in float32, also under autocast.

    Args:
        network: A segmentor of mmseg, in evaluation mode; it computes the image once.
        image: ``(1, bands, h, w)`` float32, of values that nothing inside the network has by chance.

    Returns:
        The names of these convolutions, several where branches read the same image; none where the image goes through something
        else first, as through the blocks of a MACU-Net that is not fused.
    """
    found = _first_convolutions(network, image)
    for module in found.values():
        setattr(module, "forward", fp32_island()(module.forward))  # noqa: B010 (mypy would not have a method replaced)
    return list(found)


@torch.inference_mode()
def _first_convolutions(network: Any, image: Tensor) -> dict[str, nn.Conv2d]:
    names = {module: name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)}
    found: dict[str, nn.Conv2d] = {}

    def note(module: nn.Conv2d, arguments: tuple[Tensor, ...]) -> None:
        if arguments[0].shape == image.shape and torch.equal(arguments[0], image):  # it may be a copy that is laid out otherwise
            found[names[module]] = module

    hooks = [module.register_forward_pre_hook(note) for module in names]
    try:
        size = (int(image.shape[-2]), int(image.shape[-1]))
        network.encode_decode(image, [{"img_shape": size, "ori_shape": size, "pad_shape": size, "padding_size": (0, 0, 0, 0)}])
    except Exception:  # what it says to an image of this size matters only where it is to compute one
        return {}
    finally:
        for hook in hooks:
            hook.remove()
    return found
