"""What a run must remember beside weights, optimizers and schedulers to go on as if it had not stopped.

Random states of every rank, the loop's place, what hooks count, gradients of an accumulation that is under way, and the buffers
(batch statistics, queues) that differ from rank to rank. All of it is plain data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_gather_object, broadcast_object_list, get_rank, get_world_size
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor, nn

from rs_da_mm.engine.checkpoints.plain_data import plain_data
from rs_da_mm.engine.random_state import RandomState

_COUNTERS = {"EarlyStoppingHook": ("wait_count", "best_score")}
"""What hooks of mmengine count, which have no ``state_dict``."""


class RunPosition(NamedTuple):
    """A moment of a training between two iterations.

    Attributes:
        epoch: Epochs done.
        iteration: Iterations done.
        random_state: What this rank drew from at that moment.
    """

    epoch: int
    iteration: int
    random_state: RandomState


def current_position(runner: Runner) -> RunPosition:
    """The moment before the iteration that is about to start; to be called in ``before_train_iter``."""
    return RunPosition(runner.train_loop.epoch, runner.train_loop.iter, _random_state(runner))


def capture_run_state(runner: Runner, position: RunPosition | None = None) -> dict[str, Any]:
    """Collect the state of the run from all ranks; all of them must call it.

    Args:
        runner: The runner, in training.
        position: The moment to go back to as far as random states go; now, when it is not given.

    Returns:
        Plain data, the same on all ranks.
    """
    random_state = _random_state(runner) if position is None else position.random_state
    gradients = position is None and _accumulating(runner)
    rank = {
        "random_state": random_state._asdict(),
        "buffers": _own_buffers(runner),
        "gradients": _gradients(runner.model) if gradients else {},
    }
    loop = runner.train_loop
    return {
        "version": 1,
        "loop": loop.state_dict() if hasattr(loop, "state_dict") else None,
        "ranks": all_gather_object(rank),
        "hooks": {name: _hook_state(hook) for name, hook in _stateful_hooks(runner)},
        "inner_counts": {name: wrapper.inner_count for name, wrapper in optimizer_wrappers(runner)},
    }


def restore_run_state(runner: Runner, state: Mapping[str, Any]) -> None:
    """Put back what :func:`capture_run_state` took, before the first iteration of a resumed run.

    Ranks take their own part when there are as many as there were; otherwise random states start anew and the loop says so.
    """
    ranks = state["ranks"]
    random_state = None
    if len(ranks) == get_world_size():
        own = ranks[get_rank()]
        random_state = RandomState(**own["random_state"])
        _put_buffers(runner, own["buffers"])
        _put_gradients(runner.model, own["gradients"])
    loop = runner.train_loop
    if state["loop"] is not None and hasattr(loop, "load_state_dict"):
        loop.load_state_dict(state["loop"], random_state)
    elif random_state is not None:
        random_state.restore()
    for name, hook in _stateful_hooks(runner):
        if name in state["hooks"]:
            _put_hook_state(hook, state["hooks"][name])
    for name, wrapper in optimizer_wrappers(runner):
        if name in state["inner_counts"]:
            wrapper._inner_count = state["inner_counts"][name]


def optimizer_wrappers(runner: Runner) -> list[tuple[str, OptimWrapper]]:
    """The optimizer wrappers of a built runner by name; a single one has an empty name."""
    wrapper = runner.optim_wrapper
    return list(wrapper.items()) if isinstance(wrapper, OptimWrapperDict) else [("", wrapper)]


def _random_state(runner: Runner) -> RandomState:
    loop = runner.train_loop
    state: RandomState = loop.random_state() if hasattr(loop, "random_state") else RandomState.capture()
    return state


def _accumulating(runner: Runner) -> bool:
    """Whether gradients are waiting for more before they change the weights."""
    return any(not wrapper.should_update() for _, wrapper in optimizer_wrappers(runner))


def _gradients(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.grad.cpu() for name, tensor in model.named_parameters() if tensor.grad is not None}


def _put_gradients(model: nn.Module, gradients: Mapping[str, Tensor]) -> None:
    parameters = dict(model.named_parameters())
    for name, gradient in gradients.items():
        parameters[name].grad = gradient.to(parameters[name].device, copy=True)


def _buffers(runner: Runner) -> dict[str, Tensor]:
    """The buffers of the model and of the averaged models that hooks hold."""
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    owners = {"": model, **{f"{type(hook).__name__}.": hook.ema_model for hook in runner.hooks if hasattr(hook, "ema_model")}}
    return {f"{prefix}{name}": buffer for prefix, owner in owners.items() for name, buffer in owner.named_buffers()}


def _own_buffers(runner: Runner) -> dict[str, Tensor]:
    """This rank's buffers that differ from rank 0's, which the weights of the checkpoint hold."""
    if get_world_size() == 1:
        return {}
    buffers = {name: buffer.detach().cpu().contiguous() for name, buffer in _buffers(runner).items()}
    digests = {name: _digest(buffer) for name, buffer in buffers.items()}
    of_rank_0 = [digests]
    broadcast_object_list(of_rank_0)
    return {name: buffer for name, buffer in buffers.items() if of_rank_0[0].get(name) != digests[name]}


def _digest(tensor: Tensor) -> bytes:
    return hashlib.sha256(tensor.view(-1).view(torch.uint8).numpy().tobytes()).digest()


def _put_buffers(runner: Runner, buffers: Mapping[str, Tensor]) -> None:
    present = _buffers(runner) if buffers else {}
    with torch.no_grad():
        for name, buffer in buffers.items():
            present[name].copy_(buffer)


def _stateful_hooks(runner: Runner) -> Iterator[tuple[str, Any]]:
    """The hooks with a state, by class name; a second one of a class has its number behind it."""
    seen: dict[str, int] = {}
    for hook in runner.hooks:
        name = type(hook).__name__
        if name in _COUNTERS or (hasattr(hook, "state_dict") and hasattr(hook, "load_state_dict")):
            seen[name] = seen.get(name, 0) + 1
            yield (name if seen[name] == 1 else f"{name}.{seen[name]}"), hook


def _hook_state(hook: Any) -> dict[str, Any]:
    name = type(hook).__name__
    state = {key: getattr(hook, key) for key in _COUNTERS[name]} if name in _COUNTERS else hook.state_dict()
    plain: dict[str, Any] = plain_data(state, name)
    return plain


def _put_hook_state(hook: Any, state: Mapping[str, Any]) -> None:
    if type(hook).__name__ in _COUNTERS:
        for key, value in state.items():
            setattr(hook, key, value)
    else:
        hook.load_state_dict(state)
