"""A progress bar in a terminal."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from tqdm import tqdm  # type: ignore[import-untyped]

from rs_da_mm.registry import HOOKS

# The time left is the whole training's, from mmengine's estimate, not the epoch's.
_TRAINING = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]"


@HOOKS.register_module()
class ProgressBarHook(Hook):
    """Shows how far the epoch, the validation or the test has come, where somebody is looking.

    The bar is drawn on standard error of rank 0, only if that is a terminal; in a file or a pipe mmengine's plain log lines are
    all there is. Log lines that go to the same terminal are written above the bar.

    Args:
        enabled: Whether to draw; ``None`` finds out whether standard error is a terminal.
    """

    priority = "LOW"  # after the timer, which estimates the time left, and after the log line of the same step

    def __init__(self, enabled: bool | None = None) -> None:
        self.enabled = enabled
        self._training: tqdm[Any] | None = None
        self._evaluating: tqdm[Any] | None = None

    def before_run(self, runner: Runner) -> None:
        """Find out whether anybody is looking, and put the log lines above the bar."""
        terminal = bool(getattr(sys.stderr, "isatty", bool)())
        self.enabled = is_main_process() and (terminal if self.enabled is None else self.enabled)
        if self.enabled:
            for handler in _terminal_handlers(runner.logger):
                handler.setStream(_AboveBar(handler.stream))

    def after_run(self, runner: Runner) -> None:
        """Give the log its terminal back."""
        for handler in runner.logger.handlers:
            if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, _AboveBar):
                handler.setStream(handler.stream.terminal)

    def before_train_epoch(self, runner: Runner) -> None:
        """Open the bar of an epoch, or of the whole training where there are no epochs."""
        if not self.enabled:
            return
        steps = runner.max_iters // runner.max_epochs
        name = f"epoch {runner.epoch + 1}/{runner.max_epochs}" if runner.max_epochs > 1 else "training"
        self._training = _bar(name, steps, runner.iter - runner.epoch * steps, bar_format=_TRAINING)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Move on by one step; the loss is the one that mmengine has already fetched for its log."""
        if self._training is None:
            return
        shown = []
        if "train/loss" in runner.message_hub.log_scalars:
            shown.append(f"loss {runner.message_hub.get_scalar('train/loss').current():.4f}")
        if "eta" in runner.message_hub.runtime_info:
            shown.append(f"{timedelta(seconds=int(runner.message_hub.get_info('eta')))} left")
        self._training.set_postfix_str(", ".join(shown), refresh=False)
        self._training.update()

    def after_train_epoch(self, runner: Runner) -> None:
        """Take the bar away; the log keeps the record."""
        _close(self._training)
        self._training = None

    def before_val_epoch(self, runner: Runner) -> None:
        """Open the bar of a validation."""
        if self.enabled:
            self._evaluating = _bar("validation", len(runner.val_dataloader))

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Move on by one batch."""
        if self._evaluating is not None:
            self._evaluating.update()

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Take the bar away."""
        _close(self._evaluating)
        self._evaluating = None

    def before_test_epoch(self, runner: Runner) -> None:
        """Open the bar of a test."""
        if self.enabled:
            self._evaluating = _bar("test", len(runner.test_dataloader))

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Move on by one batch."""
        if self._evaluating is not None:
            self._evaluating.update()

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Take the bar away."""
        _close(self._evaluating)
        self._evaluating = None


class _AboveBar(io.TextIOBase):
    """A terminal whose lines push the bars down instead of cutting through them."""

    def __init__(self, terminal: Any) -> None:
        self.terminal = terminal

    def write(self, text: str) -> int:
        with tqdm.external_write_mode(file=sys.stderr):
            written: int = self.terminal.write(text)
            self.terminal.flush()
        return written

    def flush(self) -> None:
        self.terminal.flush()

    def isatty(self) -> bool:
        return True


def _terminal_handlers(logger: logging.Logger) -> list[logging.StreamHandler[Any]]:
    streams = [handler for handler in logger.handlers if isinstance(handler, logging.StreamHandler)]
    return [handler for handler in streams if handler.stream.isatty() and not isinstance(handler.stream, _AboveBar)]


def _bar(name: str, total: int, initial: int = 0, bar_format: str | None = None) -> tqdm[Any]:
    # On a terminal of unknown size (a container's, say) tqdm would draw nothing.
    size = {"dynamic_ncols": True} if _columns() else {"ncols": 80, "nrows": 24}
    return tqdm(total=total, initial=initial, desc=name, bar_format=bar_format, leave=False, file=sys.stderr, **size)


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return 0


def _close(bar: tqdm[Any] | None) -> None:
    if bar is not None:
        bar.close()
