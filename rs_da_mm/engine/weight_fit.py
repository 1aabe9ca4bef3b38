"""Whether the weights of a file are those of a model."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import cast

from mmengine.logging import print_log
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner.checkpoint import get_state_dict
from torch import Tensor, nn

from rs_da_mm.errors import InputError

_SHOWN = 3


def weight_differences(model: nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """Compare names and shapes.

    Args:
        model: The model, plain, wrapped for distribution, or for test-time augmentation.
        weights: The weights of a file; a leading ``module.`` of their names does not count.

    Returns:
        One phrase per difference.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = cast(nn.Module, model.module)
    own = get_state_dict(model)  # without the wrappers of single networks
    given = {re.sub(r"^module\.", "", name): tensor for name, tensor in weights.items()}
    return [
        *(f"{name} is missing in the file" for name in own if name not in given),
        *(f"{name} is in the file only" for name in given if name not in own),
        *(
            f"{name} is {tuple(given[name].shape)} in the file and {tuple(tensor.shape)} in the model"
            for name, tensor in own.items()
            if name in given and given[name].shape != tensor.shape
        ),
    ]


def require_fit(model: nn.Module, weights: Mapping[str, Tensor], source: str, strict: bool = True) -> None:
    """Refuse weights that are not the model's, or log what will not be loaded.

    Raises:
        InputError: When they differ and ``strict`` is set.
    """
    differences = weight_differences(model, weights)
    if not differences:
        return
    more = f"; and {len(differences) - _SHOWN} more differences" if len(differences) > _SHOWN else ""
    told = f"{source}: does not fit the config's model: {'; '.join(differences[:_SHOWN])}{more}."
    if strict:
        raise InputError(
            f"{told} Take the config that it was trained with (in the work dir), with the same bands and classes. To start from "
            "the weights that do fit, set default_hooks.checkpoint.strict=False."
        )
    print_log(f"{told} What fits is loaded.", "current", logging.WARNING)
