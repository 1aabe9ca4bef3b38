"""Loading the weights of a checkpoint into a model: every weight has its place, and every place its weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner.checkpoint import get_state_dict, load_state_dict
from torch import Tensor, nn

from rs_da_mm.engine.checkpoints.reading import load_checkpoint_file
from rs_da_mm.errors import InputError

_WRAPPER = "module"
"""The name under which wrappers for distribution hold the module that they wrap."""
_SHOWN = 3


def load_model_strictly(model: nn.Module, filename: str | Path) -> None:
    """Load weights for evaluation; every weight must find its place.

    Args:
        model: The model, plain, wrapped for distribution (whole or in parts), or for test-time augmentation.
        filename: A checkpoint of mmengine's runner, a state dict, or a ``.safetensors`` file. Names may carry the ``module.`` of
            a wrapper, in front or inside.

    Raises:
        InputError: When the file cannot be read (:func:`load_checkpoint_file`), or names or shapes differ from the model's.
    """
    model = unwrapped(model)
    weights = weights_of(load_checkpoint_file(filename, map_location="cpu"), filename)
    # mmengine's, which knows wrapped parts. Whether everything finds its place has been seen to here.
    load_state_dict(model, fitted_weights(model, weights, filename), strict=False)


def unwrapped(model: nn.Module) -> nn.Module:
    """Take a model out of what wraps it for distribution or test-time augmentation."""
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = cast(nn.Module, model.module)
    return model


def weights_of(checkpoint: Any, filename: str | Path) -> dict[str, Tensor]:
    """Take the weights out of what a checkpoint file holds.

    Args:
        checkpoint: What :func:`load_checkpoint_file` returned: a dict with ``state_dict``, or a state dict itself.
        filename: The file, for the error.

    Raises:
        InputError: When there are no weights, or something else stands among them.
    """
    weights = checkpoint.get("state_dict", checkpoint) if isinstance(checkpoint, Mapping) else checkpoint
    if not isinstance(weights, Mapping):
        raise InputError(f"{filename}: holds a {type(weights).__name__}; expected weights by name, or a dict with 'state_dict'.")
    other = [str(name) for name, value in weights.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if other:
        raise InputError(
            f"{filename}: holds more than weights: {', '.join(other[:_SHOWN])}. Expected tensors by name, or a dict that has "
            "them under 'state_dict'."
        )
    return dict(weights)


def fitted_weights(model: nn.Module, weights: Mapping[str, Tensor], filename: str | Path) -> dict[str, Tensor]:
    """Give weights the names that a model has for them, and see that each of them fits.

    Args:
        model: The model.
        weights: Tensors by name.
        filename: Where they come from, for the error.

    Returns:
        The same tensors under the model's names, without any wrapper's ``module.``.

    Raises:
        InputError: When a name or shape differs; it names the first three.
    """
    found, differences = match_weights(model, weights)
    if differences:
        raise InputError(
            f"{describe_misfit(filename, differences)} Take the config that it was trained with (in the work dir), with the same "
            "bands and classes."
        )
    return found


def describe_misfit(filename: str | Path, differences: Sequence[str]) -> str:
    """Say in one sentence that weights are not the model's, with the first three differences."""
    more = f"; and {len(differences) - _SHOWN} more differences" if len(differences) > _SHOWN else ""
    return f"{filename}: does not fit the config's model: {'; '.join(differences[:_SHOWN])}{more}."


def match_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """Compare a file's weights with a model's by name and shape.

    Args:
        model: The model, plain or wrapped.
        weights: Tensors by name.

    Returns:
        The weights, under the model's names where leaving out wrappers' ``module.`` makes them so; and one phrase for each name
        or shape that differs.
    """
    own = _own_state(unwrapped(model))
    found = _renamed(weights, own)
    return found, [
        *(f"{name} is missing in the file" for name in own if name not in found),
        *(f"{name} is in the file only" for name in found if name not in own),
        *(
            f"{name} is {tuple(found[name].shape)} in the file and {tuple(tensor.shape)} in the model"
            for name, tensor in own.items()
            if name in found and found[name].shape != tensor.shape
        ),
    ]


def _own_state(model: nn.Module) -> dict[str, Tensor]:
    """What the runner would save of a model; parts that are wrapped for distribution count as plain."""
    if type(model).state_dict is not nn.Module.state_dict:  # the model has a say in it
        return cast(dict[str, Tensor], model.state_dict())
    return cast(dict[str, Tensor], get_state_dict(model))


def _renamed(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave wrappers' segments out of the names where that, and only that, makes them the model's own."""
    by_core: dict[tuple[str, ...], list[str]] = {}
    for name in own:
        by_core.setdefault(_core(name), []).append(name)
    names = {}
    for name in weights:
        candidates = [] if name in own else [other for other in by_core.get(_core(name), ()) if _is_within(other, name)]
        names[name] = candidates[0] if len(candidates) == 1 and candidates[0] not in weights else name
    if len(set(names.values())) < len(names):  # two weights would become one
        return dict(weights)
    return {names[name]: tensor for name, tensor in weights.items()}


def _core(name: str) -> tuple[str, ...]:
    return tuple(part for part in name.split(".") if part != _WRAPPER)


def _is_within(short: str, long: str) -> bool:
    """Whether leaving segments out of ``long`` can make it ``short``."""
    rest = iter(long.split("."))
    return all(part in rest for part in short.split("."))
