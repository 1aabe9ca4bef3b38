"""Which parameters learn in a step, and that nothing else has a gradient after it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from torch import nn


class LearningParameters:
    """The parameters of a model, of which one step at a time trains its own.

    Args:
        model: The model.
        networks: Its networks by name; parameters outside them are frozen in every step.
    """

    def __init__(self, model: nn.Module, networks: Mapping[str, nn.Module]) -> None:
        self._parameters = list(model.parameters())
        self._members = {name: {id(parameter) for parameter in network.parameters()} for name, network in networks.items()}
        self._learns: list[bool] = []
        self._chosen: dict[tuple[str, ...], list[bool]] = {}
        self._learning: tuple[str, ...] | None = None

    @contextmanager
    def one_iteration(self) -> Iterator[None]:
        """Note what learns at all, which a hook may change from iteration to iteration, and put exactly that back at the end."""
        found = [parameter.requires_grad for parameter in self._parameters]
        if found != self._learns:
            self._learns = found
            self._chosen.clear()
        try:
            yield
        finally:
            self._set(found)
            self._learning = None

    @contextmanager
    def only(self, networks: tuple[str, ...]) -> Iterator[None]:
        """Let only these networks' parameters require a gradient.

        Afterwards it is those of the context around this one again, where there is one, and otherwise stays so until another
        choice, or the end of the iteration.
        """
        before = self._learning
        self._choose(networks)
        try:
            yield
        finally:
            if before is not None:
                self._choose(before)

    def of(self, networks: tuple[str, ...]) -> list[nn.Parameter]:
        """The parameters of networks that learn at all."""
        return [parameter for parameter, flag in zip(self._parameters, self._flags(networks), strict=True) if flag]

    def clear_gradients(self, kept: Collection[int] = ()) -> None:
        """Drop every gradient of the model.

        Args:
            kept: Identities of the parameters whose gradients stay, because more are to be added to them.
        """
        for parameter in self._parameters:
            if parameter.grad is not None and id(parameter) not in kept:
                parameter.grad = None

    def _choose(self, networks: tuple[str, ...]) -> None:
        if networks != self._learning:
            self._learning = networks
            self._set(self._flags(networks))

    def _flags(self, networks: tuple[str, ...]) -> list[bool]:
        if networks not in self._chosen:
            members = set().union(*(self._members[name] for name in networks))
            self._chosen[networks] = [
                learns and id(parameter) in members for parameter, learns in zip(self._parameters, self._learns, strict=True)
            ]
        return self._chosen[networks]

    def _set(self, flags: Sequence[bool]) -> None:
        for parameter, flag in zip(self._parameters, flags, strict=True):
            if parameter.requires_grad is not flag:
                parameter.requires_grad_(flag)
