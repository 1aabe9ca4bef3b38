"""Outputs of a network that several steps of one iteration use, computed once."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from rs_da_mm.errors import InputError
from rs_da_mm.models.adversarial.float32 import map_tensors, to_float32
from rs_da_mm.models.adversarial.step import NetworkStep

_Method = TypeVar("_Method", bound=Callable[..., Any])


def shared_forward(*networks: str, reuse_after_update: bool = False) -> Callable[[_Method], _Method]:
    """Let the steps of an iteration share what a method of the model computes from the batch.

    The step that trains the networks gets the outputs with their graph, every other step gets them detached, and both come from
    one forward pass, whichever of the steps runs first: when another step asks first, the outputs are computed as the coming
    step will need them (in its precision, with its networks requiring gradients). They are kept for one iteration and computed
    anew when an optimizer has changed the networks since. Noise that the method draws is thus the same for all steps.

    The price is memory: the graph lives from the first step that asks until the step that trains the networks. A model made with
    ``share_forwards=False`` computes everything where it is used.

    Args:
        *networks: Names of the networks that the method runs.
        reuse_after_update: Whether a step that only needs values takes those from before the networks' update, as where a
            generator's step comes first and the discriminator then learns from the very images of that step.

    Returns:
        A decorator for methods ``method(self, batch, *key)``; calls with other keys (hashable) are kept apart. Called outside of
        a training iteration, or with another batch, the method is a plain one.
    """
    if not networks or not all(isinstance(name, str) for name in networks):
        raise InputError(
            "shared_forward: expected the names of the networks that the method runs, as in @shared_forward('generator')."
        )

    def decorate(method: _Method) -> _Method:
        @functools.wraps(method)
        def shared(self: Any, batch: Any, *key: Hashable) -> Any:
            outputs: SharedOutputs | None = self._shared_outputs
            if outputs is None or batch is not outputs.batch:
                return method(self, batch, *key)
            return outputs.fetch((method.__qualname__, *key), networks, lambda: method(self, batch, *key), reuse_after_update)

        return shared  # type: ignore[return-value]

    return decorate


@dataclass
class _Output:
    value: Any
    run: int | None  # the run that goes backward through it; None: it has no graph
    updates: tuple[int, ...]  # of its networks, when it was computed


class SharedOutputs:
    """What has been computed in one iteration.

    Args:
        batch: The iteration's batch.
        runs: The steps that run in it, in order.
        networks: Names of all networks.
        as_step: A context in which networks run as in a certain step.
        keep: Whether outputs are kept at all.
    """

    def __init__(
        self,
        batch: Any,
        runs: Sequence[NetworkStep],
        networks: Sequence[str],
        as_step: Callable[[NetworkStep], AbstractContextManager[None]],
        keep: bool,
    ) -> None:
        self.batch = batch
        self._runs = runs
        self._networks = set(networks)
        self._as_step = as_step
        self._keep = keep
        self._run = 0
        self._updates: Counter[str] = Counter()
        self._outputs: dict[Hashable, _Output] = {}

    def finish_run(self, updated: bool) -> None:
        """Go on to the next run.

        Args:
            updated: Whether the optimizer has changed the networks of the run that ends.
        """
        for output in self._outputs.values():
            if output.run == self._run:  # its graph has been used up
                output.value, output.run = _detached(output.value), None
        if updated:
            self._updates.update(self._runs[self._run].networks)
        self._run += 1

    def fetch(self, key: Hashable, networks: tuple[str, ...], compute: Callable[[], Any], reuse_after_update: bool) -> Any:
        """Give an output to the current run: with a graph where the run trains its networks, detached elsewhere."""
        if not self._networks.issuperset(networks):
            unknown = sorted({*networks} - self._networks)
            raise InputError(
                f"shared_forward: no network is called {', '.join(unknown)}; there are {', '.join(sorted(self._networks))}."
            )
        learns = self._trains(self._run, networks)
        updates = tuple(self._updates[name] for name in networks)
        found = self._outputs.get(key)
        if found is not None and (found.run == self._run if learns else reuse_after_update or found.updates == updates):
            return found.value if learns else self._for_this_step(found.value)
        run = self._run if learns else self._next_run(networks)
        output = _Output(self._compute(compute, run), run, updates)
        if self._keep:
            self._outputs[key] = output
        return output.value if learns else self._for_this_step(output.value)

    def _compute(self, compute: Callable[[], Any], run: int | None) -> Any:
        if run == self._run:
            return compute()
        if run is None:
            with torch.no_grad():
                return compute()
        asking, self._run = self._run, run
        try:
            with self._as_step(self._runs[run]):
                return compute()
        finally:
            self._run = asking

    def _next_run(self, networks: tuple[str, ...]) -> int | None:
        if not self._keep:
            return None
        later = range(self._run + 1, len(self._runs))
        return next((run for run in later if self._trains(run, networks)), None)

    def _trains(self, run: int, networks: tuple[str, ...]) -> bool:
        return not set(networks).isdisjoint(self._runs[run].networks)

    def _for_this_step(self, value: Any) -> Any:
        """Detach, and leave half precision where the asking step computes in float32."""
        value = _detached(value)
        half = torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda")
        return value if half else to_float32(value)


def _detached(value: Any) -> Any:
    return map_tensors(torch.Tensor.detach, value, _plain)


def _plain(value: Any) -> Any:
    """Refuse what a graph may hide in: a step that does not train the networks would go backward through it."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise InputError(
        f"shared_forward: the method returns {type(value).__name__}; expected tensors, or tuples, lists and dicts of tensors."
    )
