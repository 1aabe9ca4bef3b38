"""One optimizer per network, or per group of networks."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mmengine.model import MMSeparateDistributedDataParallel, is_model_wrapper
from mmengine.optim import DefaultOptimWrapperConstructor, OptimWrapper, OptimWrapperDict
from torch import nn

from rs_da_mm.errors import InputError
from rs_da_mm.registry import OPTIM_WRAPPER_CONSTRUCTORS


class NetworkOptimWrapperDict(OptimWrapperDict):
    """mmengine's ``OptimWrapperDict`` that lets the model say how often each of its optimizers will be used.

    mmengine's does nothing there, so that gradients accumulated by the last iterations of a run are never applied.
    """

    def initialize_count_status(self, model: nn.Module, cur_iter: int, max_iters: int) -> None:
        """Start a run: the Runner calls it after weights and optimizers are loaded.

        Args:
            model: The model, wrapped or not; its ``begin_training`` is called, where it has one.
            cur_iter: Iterations that are done.
            max_iters: Iterations of the whole run.

        Raises:
            InputError: When the model is in a wrapper for one network.
        """
        if is_model_wrapper(model) and not isinstance(model, MMSeparateDistributedDataParallel):
            raise InputError(
                f"a model with several optimizers is in {type(model).__name__}, which trains one network. Set "
                "model_wrapper_cfg=dict(type='MMSeparateDistributedDataParallel', broadcast_buffers=False)."
            )
        begin_training: Any = getattr(_unwrapped(model), "begin_training", None)
        if begin_training is not None:
            begin_training(self, cur_iter, max_iters)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the state of every optimizer.

        Raises:
            InputError: When the checkpoint has other optimizers.
        """
        if set(state_dict) != set(self.keys()):
            raise InputError(
                f"the checkpoint has optimizers {', '.join(sorted(map(str, state_dict)))}; this run has "
                f"{', '.join(sorted(self.keys()))}. Resume with the optim_wrapper of the training, or start from the weights "
                "alone (load_from)."
            )
        super().load_state_dict(state_dict)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class NetworkOptimWrapperConstructor:
    """Builds an optimizer wrapper for each network of a model.

    As in::

        optim_wrapper = dict(
            constructor='NetworkOptimWrapperConstructor',
            generators=dict(networks=['generator_a', 'generator_b'], optimizer=dict(type='Adam', lr=5e-4)),
            discriminator=dict(optimizer=dict(type='RMSprop', lr=5e-4), clip_grad=dict(max_norm=1.0), accumulative_counts=2),
        )

    Each key is a wrapper. Beside mmengine's own settings (``type``, default ``'OptimWrapper'``; ``optimizer``, ``clip_grad``,
    ``accumulative_counts``, ``paramwise_cfg``, …) it takes ``networks``: the networks it is for, by their paths in the model
    (``'segmentor.backbone'``); without it the key is the path. Networks in distributed wrappers are found too. In
    ``paramwise_cfg`` parameters have their names in the unwrapped model. What clipping measures is logged as
    ``<key>.grad_norm``.

    Every parameter that requires a gradient must be in exactly one optimizer. ``untrained`` lists paths of modules and parameters
    that are to be in none, though they are not frozen.

    Args:
        optim_wrapper_cfg: Settings by key, and ``untrained``.
        paramwise_cfg: ``paramwise_cfg`` of the wrappers that have none of their own.

    Raises:
        InputError: When a setting or a path is wrong, or a parameter is in no optimizer or in two.
    """

    def __init__(self, optim_wrapper_cfg: Mapping[str, Any], paramwise_cfg: Mapping[str, Any] | None = None) -> None:
        settings = copy.deepcopy(dict(optim_wrapper_cfg))
        untrained = settings.pop("untrained", ())
        self._untrained = (untrained,) if isinstance(untrained, str) else tuple(untrained)
        self._settings: dict[str, dict[str, Any]] = {}
        self._paths: dict[str, tuple[str, ...]] = {}
        for key, setting in settings.items():
            if not isinstance(setting, Mapping) or "optimizer" not in setting:
                raise InputError(f"optim_wrapper.{key} is {setting!r}; expected a dict with an optimizer, for some network.")
            own = dict(setting)
            networks = own.pop("networks", key)
            own.setdefault("paramwise_cfg", paramwise_cfg)
            self._paths[key] = (networks,) if isinstance(networks, str) else tuple(networks)
            self._settings[key] = own
        if not self._settings:
            raise InputError("optim_wrapper has no optimizer; expected one key per network, such as generator=dict(optimizer=…).")

    def __call__(self, model: nn.Module) -> NetworkOptimWrapperDict:
        """Build the optimizers of a model, wrapped or not."""
        model = _unwrapped(model)
        networks = {key: {path: _find_network(model, path, key) for path in paths} for key, paths in self._paths.items()}
        untrained = self._find_untrained(model)
        self._check_coverage(model, networks, untrained)
        return NetworkOptimWrapperDict(**{key: self._build(key, found, untrained) for key, found in networks.items()})

    def _build(self, key: str, networks: Mapping[str, nn.Module], untrained: Collection[int]) -> OptimWrapper:
        group = nn.Module()
        group._modules.update(networks)  # as add_module does, which takes no names with dots
        if all(id(parameter) in untrained for parameter in group.parameters()):
            raise InputError(f"optim_wrapper.{key}: {', '.join(networks)} has no parameters to train.")
        settings = dict(self._settings[key])
        paramwise_cfg = settings.pop("paramwise_cfg")
        wrapper = DefaultOptimWrapperConstructor(settings, paramwise_cfg)(group)
        groups = wrapper.optimizer.param_groups
        for found in groups:
            found["params"] = [parameter for parameter in found["params"] if id(parameter) not in untrained]
        groups[:] = [found for found in groups if found["params"]]
        if hasattr(wrapper, "grad_name"):
            wrapper.grad_name = f"{key}.{wrapper.grad_name}"  # all would write to one
        return wrapper

    def _find_untrained(self, model: nn.Module) -> set[int]:
        found: set[int] = set()
        for path in self._untrained:
            own = {id(p) for name, p in _named_parameters(model) if name == path or name.startswith(f"{path}.")}
            if not own:
                raise InputError(f"optim_wrapper.untrained: the model has no parameter {path!r}, and no module with parameters.")
            found |= own
        return found

    def _check_coverage(
        self, model: nn.Module, networks: Mapping[str, Mapping[str, nn.Module]], untrained: Collection[int]
    ) -> None:
        held = [{id(p) for network in group.values() for p in network.parameters()} for group in networks.values()]
        counts = Counter(identity for group in held for identity in group)
        missing, double = [], []
        for name, parameter in _named_parameters(model):
            if counts[id(parameter)] > 1:
                double.append(name)
            elif parameter.requires_grad and not counts[id(parameter)] and id(parameter) not in untrained:
                missing.append(name)
        if double:
            raise InputError(
                f"optim_wrapper: {_some(double)} in two optimizers; expected each in one. Keys: {_listed(self._paths)}."
            )
        if missing:
            raise InputError(
                f"optim_wrapper: {_some(missing)} in no optimizer. Keys: {_listed(self._paths)}. Add a key for them, freeze them "
                "(requires_grad=False), or list them: untrained=[…]. A parameter of the model itself belongs into a network."
            )


def _find_network(model: nn.Module, path: str, key: str) -> nn.Module:
    network = model
    for name in path.split("."):
        children = dict(network.named_children())
        if name not in children:
            raise InputError(
                f"optim_wrapper.{key}: the model has no network {path!r}; {type(network).__name__} has no {name!r}, but "
                f"{', '.join(children) or 'nothing'}."
            )
        network = _unwrapped(children[name])
    return network


def _named_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Parameters by the names that they have without distributed wrappers."""
    yield from model.named_parameters(recurse=False)
    for name, child in model.named_children():
        yield from _unwrapped(child).named_parameters(prefix=name)


def _unwrapped(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model  # type: ignore[return-value]


def _listed(paths: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(key if found == (key,) else f"{key} ({', '.join(found)})" for key, found in paths.items())


def _some(names: list[str], shown: int = 4) -> str:
    verb = " is" if len(names) == 1 else " are"
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "") + verb
