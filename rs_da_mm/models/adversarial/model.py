"""The base of models with several networks that learn in steps."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapperDict
from torch import Tensor, nn

from rs_da_mm.errors import InputError
from rs_da_mm.models.adversarial.averaging import Average, average_of, update_average
from rs_da_mm.models.adversarial.counter import Counter
from rs_da_mm.models.adversarial.shared_forward import SharedOutputs
from rs_da_mm.models.adversarial.step import NetworkStep
from rs_da_mm.models.adversarial.training import NetworkTraining
from rs_da_mm.models.adversarial.wrapping import strip_wrappers, unwrapped, unwrapped_children
from rs_da_mm.registry import MODELS


class AdversarialModel(BaseModel):
    """Several networks, each with its optimizer, that learn in a declared list of steps.

    A subclass hands its networks and steps to ``__init__`` and has a method per step that turns a batch into losses, and
    :meth:`infer`. See ``docs/adversarial.md`` for a complete one. What the base takes care of:

    - in a step, only its networks require gradients; after it, no other parameter has one (``grad is None``);
    - every optimizer accumulates, clips and casts as its wrapper says, counting the runs of its own steps;
    - what is permanently frozen stays frozen, and networks that no step trains stay in evaluation mode;
    - outputs of methods under :func:`shared_forward` are computed once for all steps of an iteration;
    - the iteration and the averages are part of the ``state_dict``, whose keys are the same in distributed wrappers and out.

    Args:
        networks: Networks by name, built or as configs; they become children of that name. One that has no step is there to be
            used only (a perceptual network, a frozen critic) and should be frozen.
        steps: The steps, in the order in which they run in an iteration; dicts from a config will do.
        ema: Which networks are averaged: by name the decay, or a dict of :class:`Average`'s arguments. The average of
            ``generator`` is the child ``generator_ema``.
        data_preprocessor: mmengine's.
        share_forwards: Whether :func:`shared_forward` keeps outputs; ``False`` computes them again and needs less memory.
        init_cfg: mmengine's.

    Raises:
        InputError: When a step or an average names what is not there.
    """

    def __init__(
        self,
        networks: Mapping[str, nn.Module | Mapping[str, Any]],
        steps: Sequence[NetworkStep | Mapping[str, Any]],
        ema: Mapping[str, float | Mapping[str, Any] | Average] | None = None,
        data_preprocessor: dict[str, Any] | nn.Module | None = None,
        share_forwards: bool = True,
        init_cfg: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(data_preprocessor=data_preprocessor, init_cfg=init_cfg)
        self.networks = tuple(networks)
        self.steps = tuple(step if isinstance(step, NetworkStep) else NetworkStep(**step) for step in steps)
        self.averages = {name: Average.parse(setting) for name, setting in (ema or {}).items()}
        self.share_forwards = share_forwards
        self.iteration = Counter()
        for name, network in networks.items():
            self._add(name, network if isinstance(network, nn.Module) else MODELS.build(network))
        self._check_names()
        for name in self.averages:
            self._add(f"{name}_ema", average_of(self.child(name)))
            self._add(f"{name}_ema_updates", Counter())
        self._averages_to_start = set(self.averages)
        self._training: NetworkTraining | None = None
        self._shared_outputs: SharedOutputs | None = None

    @abstractmethod
    def infer(self, inputs: Any, data_samples: Any = None) -> Any:
        """Compute outputs, as in use; networks from :meth:`inference_network`.

        Args:
            inputs: ``inputs`` of the preprocessed batch.
            data_samples: ``data_samples`` of the preprocessed batch.

        Returns:
            A batch of outputs.
        """

    def predict(self, inputs: Any, data_samples: Any = None) -> list[Any]:
        """What a metric gets of a batch: one item per sample, here the outputs of :meth:`infer` one by one."""
        return list(self.infer(inputs, data_samples))

    def forward(self, inputs: Any, data_samples: Any = None, mode: str = "tensor") -> Any:
        """Compute outputs (``mode='tensor'``) or predictions (``mode='predict'``); training goes by :meth:`train_step`.

        Raises:
            InputError: In any other mode.
        """
        if mode == "tensor":
            return self.infer(inputs, data_samples)
        if mode == "predict":
            return self.predict(inputs, data_samples)
        raise InputError(
            f"{type(self).__name__} was called with mode={mode!r}; expected 'tensor' or 'predict'. It is trained by train_step, "
            "in several ranks with model_wrapper_cfg=dict(type='MMSeparateDistributedDataParallel')."
        )

    def train_step(self, data: Any, optim_wrapper: OptimWrapperDict) -> dict[str, Tensor]:
        """Train on one batch: every step that is due in this iteration.

        Args:
            data: A batch as the data loader gives it.
            optim_wrapper: One optimizer wrapper per step (or for several steps).

        Returns:
            The losses of the steps that ran, as ``<step>.<loss>``.
        """
        batch = self.data_preprocessor(data, True)
        log_vars = self._training_with(optim_wrapper).iterate(batch, self.iteration.value)
        self.iteration.value += 1
        return log_vars

    def begin_training(self, optim_wrapper: OptimWrapperDict, iteration: int, max_iterations: int) -> None:
        """Set all counts to those of a run; the Runner calls it through :class:`NetworkOptimWrapperDict` after loading.

        Steps are counted from the run's own iteration: a run that only starts from the weights of another starts at 0.

        Args:
            optim_wrapper: The run's optimizers.
            iteration: Iterations that are done.
            max_iterations: Iterations of the whole run.
        """
        self.iteration.value = iteration
        self._training_with(optim_wrapper).start_counts(iteration, max_iterations)

    def child(self, name: str) -> nn.Module:
        """A child by name, in its distributed wrapper where it has one: what a step calls."""
        child = self._modules[name]
        assert child is not None
        return child

    def network(self, name: str) -> nn.Module:
        """A network without its distributed wrapper, to look at or to use outside of training."""
        return unwrapped(self.child(name))

    def inference_network(self, name: str) -> nn.Module:
        """A network as it is used after training: its average, where it has one."""
        return self.child(f"{name}_ema") if name in self.averages else self.network(name)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Without gradients and in evaluation mode; afterwards every module is in the mode it was in."""
        modes = [(module, module.training) for module in self.modules()]
        try:
            self.eval()
            with torch.no_grad():
                yield
        finally:
            for module, training in modes:
                module.training = training

    def noise(self, *size: int) -> Tensor:
        """Draw standard normal noise from torch's global generator, on the model's device and in its type."""
        own = next(self.parameters())
        return torch.randn(size, device=own.device, dtype=own.dtype)

    def update_averages(self, networks: Sequence[str]) -> None:
        """Move the averages of networks that an optimizer has just changed."""
        for name in networks:
            if name in self.averages:
                updates: Any = self.child(f"{name}_ema_updates")
                decay = self.averages[name].decay_at(updates.value)
                update_average(self.child(f"{name}_ema"), self.network(name), decay)
                updates.value += 1

    @contextmanager
    def sharing(self, outputs: SharedOutputs) -> Iterator[None]:
        """Let methods under :func:`shared_forward` keep their outputs here."""
        self._shared_outputs = outputs
        try:
            yield
        finally:
            self._shared_outputs = None

    def init_weights(self) -> None:
        """Initialise the networks as mmengine does, and let averages that were not loaded start from them."""
        first = not self.is_init
        super().init_weights()
        if first:
            for name in self._averages_to_start:
                update_average(self.child(f"{name}_ema"), self.network(name), decay=0.0)

    def train(self, mode: bool = True) -> AdversarialModel:
        """Change the mode of all that learns; averages and networks that no step trains stay in evaluation mode."""
        super().train(mode)
        trained = {name for step in self.steps for name in step.networks}
        for name in (*(f"{name}_ema" for name in self.averages), *(name for name in self.networks if name not in trained)):
            self.child(name).eval()
        return self

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Weights, buffers and counts; no key has a distributed wrapper's ``module.`` in it."""
        with unwrapped_children(self):
            return super().state_dict(*args, **kwargs)

    def load_state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Load what :meth:`state_dict` gave, wrapped or not, also under the keys that wrapped networks have elsewhere."""
        with unwrapped_children(self):
            return super().load_state_dict(*args, **kwargs)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # mmengine's loader does not call load_state_dict, but this.
        strip_wrappers(state_dict, prefix, self)
        for name in self.averages:
            network, average = f"{prefix}{name}.", f"{prefix}{name}_ema."
            keys = [key for key in state_dict if key.startswith(network)]
            if keys and not any(key.startswith(average) for key in state_dict):  # of a training without it: it starts there
                state_dict.update({average + key[len(network) :]: state_dict[key] for key in keys})
                state_dict[f"{prefix}{name}_ema_updates._extra_state"] = torch.tensor(0)
            if any(key.startswith(average) for key in state_dict):
                self._averages_to_start.discard(name)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the optimizers out of copies."""
        return {**self.__dict__, "_training": None, "_shared_outputs": None}

    def _training_with(self, optim_wrapper: OptimWrapperDict) -> NetworkTraining:
        if self._training is None or self._training.optim_wrapper is not optim_wrapper:
            self._training = NetworkTraining(self, optim_wrapper)
        return self._training

    def _add(self, name: str, network: nn.Module) -> None:
        if not name.isidentifier() or hasattr(self, name):
            raise InputError(f"a network cannot be called {name!r}: {type(self).__name__} has that already, or it is no name.")
        self.add_module(name, network)

    def _check_names(self) -> None:
        present = f"the networks are {', '.join(self.networks)}"
        for step in self.steps:
            unknown = [name for name in step.networks if name not in self.networks]
            if unknown:
                raise InputError(f"step {step.name!r}: no network is called {', '.join(unknown)}; {present}.")
            if not callable(getattr(self, step.loss, None)):
                raise InputError(f"step {step.name!r}: {type(self).__name__} has no method {step.loss}() for its losses.")
            for name in step.networks:
                if type(self.child(name)).forward is nn.Module.forward:
                    raise InputError(
                        f"network {name!r} is a {type(self.child(name)).__name__}, which cannot be called; several ranks need "
                        "networks that can. Make each of its members a network of its own."
                    )
        if len({step.name for step in self.steps}) < len(self.steps):
            raise InputError(f"two steps have one name: {', '.join(step.name for step in self.steps)}.")
        for name in self.averages:
            if name not in self.networks:
                raise InputError(f"ema: no network is called {name!r}; {present}.")
