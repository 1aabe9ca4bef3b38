"""The iterations whose gradients make up one update of the weights, and the way back to where they began.

Averaged models (``EMAHook``) stay as they are: with accumulation they have then seen the first iterations twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmengine.logging import HistoryBuffer
from mmengine.optim import OptimWrapper
from mmengine.runner import Runner

from rs_da_mm.engine.run_state import RunPosition, current_position, optimizer_wrappers


class UpdateWindow:
    """Remembers what moves between two updates though no weight does: place, random states, schedules, counts, the log.

    Without accumulation of gradients that is one iteration.

    Args:
        runner: The runner, in training.

    Attributes:
        wrappers: The optimizer wrappers by name.
        position: The moment of the last :meth:`begin`.
    """

    position: RunPosition

    def __init__(self, runner: Runner) -> None:
        self.wrappers: dict[str, OptimWrapper] = dict(optimizer_wrappers(runner))
        self._runner = runner

    def open(self) -> bool:
        """Whether gradients wait for those of further iterations."""
        return not all(wrapper.should_update() for wrapper in self.wrappers.values())

    def begin(self) -> None:
        """Take the present moment, in ``before_train_iter``."""
        self.position = current_position(self._runner)
        self._counts = {name: wrapper.inner_count for name, wrapper in self.wrappers.items()}
        self._schedules = [dict(scheduler.state_dict()) for scheduler in self._schedulers()]
        self._rates = [{key: value for key, value in group.items() if key != "params"} for group in self._groups()]
        self._logged = {name: len(history.data[0]) for name, history in self._runner.message_hub.log_scalars.items()}
        for name in self._runner.optim_wrapper.get_lr():
            if f"train/{name}" in self._logged:  # mmengine has logged the iteration's own before any hook could look
                self._logged[f"train/{name}"] -= 1

    def restore(self) -> None:
        """Put schedules, counts and log back to the moment of :meth:`begin`."""
        for name, wrapper in self.wrappers.items():
            wrapper._inner_count = self._counts[name]
        for scheduler, state in zip(self._schedulers(), self._schedules, strict=True):
            scheduler.load_state_dict(state)
        for group, rates in zip(self._groups(), self._rates, strict=True):
            group.update(rates)
        log = self._runner.message_hub.log_scalars
        for name, history in list(log.items()):
            if self._logged.get(name, 0) == 0:
                del log[name]
            else:
                values, counts = (part[: self._logged[name]] for part in history.data)
                log[name] = HistoryBuffer(values, counts, history.max_length)

    def _schedulers(self) -> Iterator[Any]:
        schedulers = self._runner.param_schedulers or []
        for part in schedulers.values() if isinstance(schedulers, dict) else [schedulers]:
            yield from part

    def _groups(self) -> Iterator[dict[str, Any]]:
        for wrapper in self.wrappers.values():
            yield from wrapper.optimizer.param_groups
