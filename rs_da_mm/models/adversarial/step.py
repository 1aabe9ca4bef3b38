"""What one training step of a model with several networks trains, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rs_da_mm.errors import InputError


@dataclass(frozen=True)
class NetworkStep:
    """One step of an iteration: some networks learn from one loss, all others are frozen.

    Within an iteration, steps run in the order in which the model lists them, each with its repeats one after another.

    Args:
        name: Name of the step; the log shows its losses as ``<name>.<loss>``.
        networks: Children of the model that this step trains. Default: the one that is called like the step.
        loss: Name of the model's method that takes the batch and returns a dict of losses; those with ``loss`` in their name are
            added up. Default: ``<name>_loss``.
        optimizer: Key of the optimizer wrapper that holds these networks' parameters. Default: the step's name.
        every: The step runs in every so many-th iteration, counted from ``start``.
        start: First iteration of the step, from 0: what comes before is the warm-up of the other steps.
        repeats: Updates per iteration, all on the same batch.
        allow_unused: Whether some of the networks' parameters may stay without a gradient. Several ranks then need
            ``model_wrapper_cfg.find_unused_parameters=True``.

    Raises:
        InputError: When a number is out of range.
    """

    name: str
    networks: tuple[str, ...] = ()
    loss: str = ""
    optimizer: str = ""
    every: int = 1
    start: int = 0
    repeats: int = 1
    allow_unused: bool = False

    def __post_init__(self) -> None:
        names = (self.networks,) if isinstance(self.networks, str) else tuple(self.networks) or (self.name,)
        object.__setattr__(self, "networks", names)
        object.__setattr__(self, "loss", self.loss or f"{self.name}_loss")
        object.__setattr__(self, "optimizer", self.optimizer or self.name)
        for key, lowest in (("every", 1), ("start", 0), ("repeats", 1)):
            found = getattr(self, key)
            if not isinstance(found, int) or found < lowest:
                raise InputError(f"step {self.name!r}: {key} is {found!r}; expected a whole number of at least {lowest}.")

    def is_due(self, iteration: int) -> bool:
        """Whether the step runs in this iteration (from 0)."""
        return iteration >= self.start and (iteration - self.start) % self.every == 0

    def runs_before(self, iteration: int) -> int:
        """How often the step runs, repeats counted, in iterations ``0 … iteration - 1``."""
        return -(-max(iteration - self.start, 0) // self.every) * self.repeats


def due_runs(steps: Iterable[NetworkStep], iteration: int) -> list[NetworkStep]:
    """List what runs in an iteration, in order; a step with repeats is there as often as it runs."""
    return [step for step in steps if step.is_due(iteration) for _ in range(step.repeats)]
