"""One iteration of a model with several networks: steps in order, each with its networks, its optimizer and its precision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from rs_da_mm.errors import InputError
from rs_da_mm.models.adversarial.float32 import fp32_island
from rs_da_mm.models.adversarial.freezing import LearningParameters
from rs_da_mm.models.adversarial.shared_forward import SharedOutputs
from rs_da_mm.models.adversarial.step import NetworkStep, due_runs
from rs_da_mm.models.adversarial.wrapping import unwrapped_children

if TYPE_CHECKING:
    from rs_da_mm.models.adversarial.model import AdversarialModel

_HINT = "Use optim_wrapper=dict(constructor='NetworkOptimWrapperConstructor', <step>=dict(optimizer=…), …)."


class NetworkTraining:
    """The training of a model with one set of optimizers.

    Args:
        model: The model; its networks may be in distributed wrappers.
        optim_wrapper: Its optimizers by name.

    Raises:
        InputError: When optimizers and steps do not fit, or a distributed wrapper cannot do what the model needs.
    """

    def __init__(self, model: AdversarialModel, optim_wrapper: OptimWrapperDict) -> None:
        self._model = model
        self.optim_wrapper = optim_wrapper
        self._wrappers = _wrappers_by_key(model, optim_wrapper)
        for name in model.networks:
            _check_distributed(name, model.child(name))
        self._held = {key: _parameters_of(wrapper) for key, wrapper in self._wrappers.items()}
        self._check_coverage()
        self._check_accumulation()
        self._learning = LearningParameters(model, {name: model.child(name) for name in model.networks})

    def start_counts(self, iteration: int, max_iterations: int) -> None:
        """Tell every optimizer how often its steps have run and will run, so that no accumulated gradient is left at the end."""
        for key, wrapper in self._wrappers.items():
            steps = [step for step in self._model.steps if step.optimizer == key]
            networks = nn.ModuleList(self._model.child(name) for step in steps for name in step.networks)
            done, last = (sum(step.runs_before(end) for step in steps) for end in (iteration, max_iterations))
            wrapper.initialize_count_status(networks, done, last)

    def iterate(self, batch: Any, iteration: int) -> dict[str, Tensor]:
        """Run the steps that are due.

        Returns:
            The losses of the steps that ran, as ``<step>.<loss>``; a mean, where a step has repeats.
        """
        runs = due_runs(self._model.steps, iteration)
        shared = SharedOutputs(batch, runs, self._model.networks, self._as_step, self._model.share_forwards)
        logs: dict[str, list[Tensor]] = {}
        with self._learning.one_iteration(), self._model.sharing(shared):
            self._drop_foreign_gradients()
            for step in runs:
                try:
                    losses, updated = self._run(step, batch)
                except BaseException:
                    # Half a gradient must not enter a later update, of this optimizer or of another.
                    self._drop_foreign_gradients(failed=step.optimizer)
                    raise
                shared.finish_run(updated)
                for name, value in losses.items():
                    logs.setdefault(f"{step.name}.{name}", []).append(value)
        return {name: values[0] if len(values) == 1 else torch.stack(values).mean() for name, values in logs.items()}

    def _run(self, step: NetworkStep, batch: Any) -> tuple[dict[str, Tensor], bool]:
        wrapper = self._wrappers[step.optimizer]
        with self._learning.only(step.networks):
            with self._as_step(step):
                losses = self._losses(step, batch)
            loss, log_vars = self._model.parse_losses(losses)
            wrapper.backward(wrapper.scale_loss(loss))
            self._refuse_unused(step)
            updated = wrapper.should_update()
            if updated:
                wrapper.step()
                # Unless a hook has taken the gradients away, so that the step changed nothing.
                if any(parameter.grad is not None for parameter in self._learning.of(step.networks)):
                    self._model.update_averages(step.networks)
                wrapper.zero_grad()
            self._drop_foreign_gradients()
        return {name: value.detach() for name, value in log_vars.items()}, updated

    def _losses(self, step: NetworkStep, batch: Any) -> Mapping[str, Tensor]:
        losses = getattr(self._model, step.loss)(batch)
        if not isinstance(losses, Mapping) or not any("loss" in name for name in losses):
            found = list(losses) if isinstance(losses, Mapping) else type(losses).__name__
            raise InputError(f"step {step.name!r}: {step.loss}() gave {found}; expected a dict in which a name has 'loss' in it.")
        return losses

    @contextmanager
    def _as_step(self, step: NetworkStep) -> Iterator[None]:
        """Run networks as a step does: its own learn, in its wrapper's precision, and ranks share the gradients of an update."""
        wrapper = self._wrappers[step.optimizer]
        with ExitStack() as stack:
            stack.enter_context(self._learning.only(step.networks))
            stack.enter_context(fp32_island())  # the precision of a step that runs around this one
            for name in self._model.networks:
                child = self._model.child(name)
                if name in step.networks:
                    stack.enter_context(wrapper.optim_context(child))
                if isinstance(child, DistributedDataParallel):
                    stack.enter_context(_synchronised(child, name in step.networks and wrapper.should_sync()))
            yield

    def _drop_foreign_gradients(self, failed: str | None = None) -> None:
        """Leave no gradient but those of optimizers in the middle of an accumulation.

        Args:
            failed: Key of the optimizer whose step failed: what it has accumulated goes too.
        """
        kept: set[int] = set()
        for key, wrapper in self._wrappers.items():
            if key != failed and not wrapper.should_update():
                kept |= self._held[key]
        self._learning.clear_gradients(kept)

    def _refuse_unused(self, step: NetworkStep) -> None:
        if step.allow_unused or all(parameter.grad is not None for parameter in self._learning.of(step.networks)):
            return
        unused = {id(parameter) for parameter in self._learning.of(step.networks) if parameter.grad is None}
        names = self._names(unused)
        raise InputError(
            f"step {step.name!r}: no gradient reached {_some(names)}. Several ranks cannot train like that: do not build what a "
            f"loss of weight 0 would need, freeze it (requires_grad=False), or give NetworkStep(allow_unused=True)."
        )

    def _check_coverage(self) -> None:
        for step in self._model.steps:
            for name in step.networks:
                parameters = {id(parameter) for parameter in self._model.child(name).parameters() if parameter.requires_grad}
                if parameters.isdisjoint(self._held[step.optimizer]):
                    raise InputError(
                        f"step {step.name!r} trains {name!r}, of which optim_wrapper[{step.optimizer!r}] holds no parameter "
                        f"that learns. Write optim_wrapper=dict({step.optimizer}=dict(networks=[{name!r}, …], …)), or change "
                        "the step."
                    )
        for key, held in self._held.items():
            steps = [step for step in self._model.steps if step.optimizer == key]
            trained = {id(p) for step in steps for name in step.networks for p in self._model.child(name).parameters()}
            names = self._names(held - trained)
            if names or not steps:
                raise InputError(
                    f"optim_wrapper[{key!r}] holds {_some(names) or 'parameters'}, which no step trains; steps use "
                    f"{', '.join(sorted({step.optimizer for step in self._model.steps}))}."
                )

    def _check_accumulation(self) -> None:
        """Refuse accumulation over different networks: ranks exchange, and clipping sees, those of the last pass alone."""
        for key, wrapper in self._wrappers.items():
            trained = {step.networks for step in self._model.steps if step.optimizer == key}
            if len(trained) > 1 and wrapper._accumulative_counts > 1:
                raise InputError(
                    f"optim_wrapper[{key!r}] accumulates gradients of steps that train different networks; give each of these "
                    "steps an optimizer of its own, or accumulative_counts=1."
                )

    def _names(self, identities: set[int]) -> list[str]:
        with unwrapped_children(self._model):
            return [name for name, parameter in self._model.named_parameters() if id(parameter) in identities]


def _wrappers_by_key(model: AdversarialModel, optim_wrapper: Any) -> Mapping[str, OptimWrapper]:
    if not isinstance(optim_wrapper, OptimWrapperDict):
        raise InputError(f"{type(model).__name__} has one optimizer per step, and got {type(optim_wrapper).__name__}. {_HINT}")
    missing = {step.optimizer for step in model.steps} - set(optim_wrapper.keys())
    if missing:
        raise InputError(
            f"optim_wrapper has no {', '.join(sorted(missing))}, which steps of {type(model).__name__} use; it has "
            f"{', '.join(optim_wrapper.keys())}. {_HINT}"
        )
    return dict(optim_wrapper.items())


def _parameters_of(wrapper: OptimWrapper) -> set[int]:
    return {id(parameter) for group in wrapper.optimizer.param_groups for parameter in group["params"]}


@contextmanager
def _synchronised(child: DistributedDataParallel, wanted: bool) -> Iterator[None]:
    """Say whether ranks share the gradients of what runs forward here.

    Not ``no_sync`` alone: where a step runs inside another one, it must also be able to switch sharing on again, and a frozen
    network that expects gradients would share those of its own next accumulation.
    """
    found = child.require_backward_grad_sync
    child.require_backward_grad_sync = wanted
    try:
        yield
    finally:
        child.require_backward_grad_sync = found


def _check_distributed(name: str, child: nn.Module) -> None:
    wrapped = isinstance(child, DistributedDataParallel)
    if wrapped and child.broadcast_buffers and next(child.buffers(), None) is not None:
        raise InputError(
            f"network {name!r} is wrapped with broadcast_buffers=True: ranks would overwrite its batch statistics between two "
            "forward passes of one update, and backward fails. Set model_wrapper_cfg.broadcast_buffers=False (SyncBuffersHook "
            "averages them before a validation)."
        )


def _some(names: list[str], shown: int = 4) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
