"""Keeping numbers that are not finite out of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.hooks import RemovableHandle

from rs_da_mm.engine.agreement import any_rank, gather_on_all, prepare_agreement
from rs_da_mm.engine.hooks.atomic_checkpoint import AtomicCheckpointHook, save_interrupted
from rs_da_mm.engine.kept_buffers import KeptBuffers
from rs_da_mm.engine.nonfinite import (
    all_finite,
    describe_batch,
    drop_gradients,
    nonfinite_gradients,
    nonfinite_losses,
)
from rs_da_mm.engine.update_window import UpdateWindow
from rs_da_mm.errors import InputError
from rs_da_mm.registry import HOOKS

_SHOWN = 16


class NonFiniteLossError(InputError):
    """A loss or a gradient is not finite, and the training does not go on by itself."""


class _Finding(NamedTuple):
    """What one rank found in an iteration."""

    losses: dict[str, float]
    gradients: list[str]
    files: list[str]


@HOOKS.register_module()
class NonFiniteGuardHook(Hook):
    """Stops a training, or leaves an iteration out, when a loss or a gradient is NaN or infinite.

    Gradients are looked at before every step of an optimizer, after the ranks have averaged them; if one is not finite, none is
    applied, and weights and optimizer stay as they are. Losses are looked at when the iteration is over. What the batch left in
    buffers (batch statistics, queues) is taken back. The message names the loss or the parameters, and the files of the batch on
    all ranks.

    - With several optimizers, what an earlier one did in the same iteration stays.
    - When gradients accumulate over iterations, all of them up to the next update are left out.
    - A loss that is not finite while its gradients are has been applied when it is found. It is told like the others.
    - In float16 infinite gradients are how the gradient scaler finds its scale, and it leaves such steps out itself: there only
      losses count.

    Args:
        action: ``'stop'`` saves the run as it was before the iteration, so that ``--resume`` meets the same batch again, and
            raises. ``'skip'`` logs a warning and goes on with the next iteration.
        max_skips: With ``'skip'``: so many in the whole training, resumed ones included; one more stops it.
        max_skips_in_a_row: With ``'skip'``: so many without a sound iteration between them; one more stops it.

    Raises:
        InputError: When the action is another.
        NonFiniteLossError: On all ranks, in the iteration that stops the training.
    """

    priority = "HIGH"  # before what averages the weights, saves them, or moves the learning rate on

    def __init__(self, action: Literal["stop", "skip"] = "stop", max_skips: int = 100, max_skips_in_a_row: int = 5) -> None:
        if action not in ("stop", "skip"):
            raise InputError(f"NonFiniteGuardHook: action={action!r}; expected 'stop' or 'skip'.")
        self.action = action
        self.max_skips = max_skips
        self.max_skips_in_a_row = max_skips_in_a_row
        self.skipped = 0
        self.skipped_in_a_row = 0
        self._handles: list[RemovableHandle] = []
        self._gradients: list[str] = []
        self._stepped = False
        self._told = False

    def state_dict(self) -> dict[str, int]:
        """How many iterations were left out."""
        return {"skipped": self.skipped, "skipped_in_a_row": self.skipped_in_a_row}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on counting."""
        self.skipped = state["skipped"]
        self.skipped_in_a_row = state["skipped_in_a_row"]

    def before_run(self, runner: Runner) -> None:
        """Make ready for agreeing with the other ranks."""
        prepare_agreement(runner.cfg.get("env_cfg", {}).get("dist_cfg", {}).get("timeout"))

    def before_train(self, runner: Runner) -> None:
        """Watch the steps of every optimizer."""
        self._model: nn.Module = runner.model.module if is_model_wrapper(runner.model) else runner.model
        # Ranks that hold different parts of the gradients must tell each other.
        self._alike = not is_model_wrapper(runner.model) or isinstance(runner.model, DistributedDataParallel)
        self._buffers = KeptBuffers(self._model)
        self._window = UpdateWindow(runner)
        self._stepped = True
        for handle in self._handles:
            handle.remove()
        self._handles = [
            wrapper.optimizer.register_step_pre_hook(self._before_step)
            for wrapper in self._window.wrappers.values()
            if not (hasattr(wrapper, "loss_scaler") and wrapper.loss_scaler.is_enabled())
        ]

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Remember what to go back to: where the gradients of the next update began to gather."""
        if self._stepped or not self._window.open():
            self._window.begin()
            self._buffers.keep()
            self._told = False
        self._gradients, self._stepped = [], False

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Leave the iteration out, or stop, if any rank found something."""
        losses = nonfinite_losses(outputs)
        dropped = bool(self._gradients) and not self._told
        if not any_rank(bool(losses) or dropped):
            if not self._window.open():
                self.skipped_in_a_row = 0
            return
        findings = gather_on_all(_Finding(losses, self._gradients, describe_batch(data_batch)))
        self._buffers.restore()
        self._told = True
        what = f"iteration {runner.iter + 1}, epoch {runner.epoch + 1}: {_description(findings)}"
        # Without a step the gradients are gone, or wait for one, or the gradient scaler has seen to them.
        applied = self._stepped and not self._gradients
        if self.action == "stop":
            self._stop(runner, what, applied)
        self.skipped += 1
        self.skipped_in_a_row += 1
        if self.skipped > self.max_skips:
            self._stop(runner, f"{what} {self.max_skips} iterations have been left out before (max_skips).", applied)
        if self.skipped_in_a_row > self.max_skips_in_a_row:
            row = f"{self.max_skips_in_a_row} iterations before it have been left out in a row (max_skips_in_a_row)."
            self._stop(runner, f"{what} {row}", applied)
        fate = "Its gradients are finite and were applied." if applied else "It is left out."
        runner.logger.warning(f"{what} {fate} ({self.skipped} so far, {self.skipped_in_a_row} in a row.)")

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        """Let a step through if its gradients are finite, or make it one that changes nothing."""
        gradients = [tensor.grad for group in optimizer.param_groups for tensor in group["params"] if tensor.grad is not None]
        finite = all_finite(gradients)
        if not self._alike:
            finite = not any_rank(not finite)
        if finite:
            self._stepped = True
            return
        self._gradients += nonfinite_gradients(self._model, optimizer) or ["(of another rank's part)"]
        drop_gradients(optimizer)

    def _stop(self, runner: Runner, what: str, applied: bool) -> None:
        """Save the run as it was, and raise."""
        saved = "Nothing is saved: the run has no AtomicCheckpointHook."
        if any(isinstance(hook, AtomicCheckpointHook) for hook in runner.hooks):
            if applied:
                path = save_interrupted(runner)
                saved = f"Its gradients are finite and were applied; {path} goes on with the next batch."
            else:
                self._window.restore()
                path = save_interrupted(runner, self._window.position)
                saved = f"The weights are as before; with --resume, {path} meets the same batch again."
        raise NonFiniteLossError(
            f"{what} {saved} Look at these files, lower the learning rate, limit the gradients (optim_wrapper.clip_grad), or "
            "leave such batches out with NonFiniteGuardHook's action='skip' (default_hooks.nonfinite.action=skip)."
        )


def _description(findings: list[_Finding]) -> str:
    """What the ranks found, and in which files."""
    guilty = {rank: finding for rank, finding in enumerate(findings) if finding.losses}
    on = {rank: f" on rank {rank}" if len(findings) > 1 else "" for rank in range(len(findings))}
    if guilty:
        terms = [f"{name} is {value}{on[rank]}" for rank, finding in guilty.items() for name, value in finding.losses.items()]
        text = f"{', '.join(terms)}."
    else:
        names = next(finding.gradients for finding in findings if finding.gradients)
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        text = f"the losses are finite, but not the gradients of {names[0]}{more}."
    files = list(dict.fromkeys(file for finding in (guilty or dict(enumerate(findings))).values() for file in finding.files))
    if not files:
        return text
    more = f"; and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
    return f"{text} The batch: {'; '.join(files[:_SHOWN])}{more}."
