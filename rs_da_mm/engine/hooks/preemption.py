"""Stopping a training on request, so that it can go on where it was."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from rs_da_mm.engine.agreement import any_rank, gather_on_all, prepare_agreement
from rs_da_mm.engine.hooks.atomic_checkpoint import AtomicCheckpointHook, save_interrupted
from rs_da_mm.engine.launcher import finish_ranks
from rs_da_mm.engine.stop_signals import StopSignals, WorkerShield
from rs_da_mm.registry import HOOKS

STOPPED = 75
"""The exit status of a training that was stopped on request and saved: EX_TEMPFAIL of sysexits.h, "try again later"."""

_TORCHRUN_PATIENCE = 10.0
"""``torchrun`` asks the other ranks to stop when one has failed, and kills them after 30 s. They may be waiting for that one."""

_SLURM_SECONDS = 2.0


@HOOKS.register_module()
class PreemptionHook(Hook):
    """Saves the run and ends the process when the system asks it to stop: a batch job's time limit, a machine that is taken back.

    After a signal the iteration under way is finished, all ranks agree, ``interrupted.pth`` is written by
    :func:`~rs_da_mm.engine.hooks.atomic_checkpoint.save_interrupted`, and every rank leaves with status 75. ``--resume`` goes
    on with the next iteration. During a validation whose checkpoint is on the disk already the process leaves after the current
    batch, and the resumed run validates again; any other validation is finished first.

    A second signal ends the process at once. So does, under ``torchrun``, a first one after which nothing moves: it comes from a
    failure of another rank. Handlers are in place while the training loop runs and put back however it ends, in the main thread
    only. The workers of the data loader pass the signals over.

    Under Slurm rank 0 alone leaves with the status, a moment after the others left with 0: ``srun --kill-on-bad-exit`` kills
    what is still there, and would report that instead.

    Args:
        signals: Names of the signals; those that only other systems know are left out. ``'SIGINT'`` makes Ctrl-C one of them.
        exit_code: The status to leave with.

    Raises:
        InputError: When a name is no signal's.
    """

    priority = "LOWEST"  # the iteration is over for all the others

    def __init__(self, signals: Sequence[str] = ("SIGTERM", "SIGUSR1"), exit_code: int = STOPPED) -> None:
        self.signals = tuple(signals)
        self.exit_code = exit_code
        self._stop = StopSignals(self.signals)
        self._taking = False
        self._began = time.monotonic()
        self._slowest = 0.0
        self._saved_iteration = -1
        self._common_batches = 0

    def before_run(self, runner: Runner) -> None:
        """Arrange for the signals to be taken while the training loop runs."""
        self._taking = False
        loop = runner._train_loop
        if not isinstance(loop, BaseLoop):  # a validation or a test alone
            return
        if not any(isinstance(hook, AtomicCheckpointHook) for hook in runner.hooks):
            runner.logger.warning("PreemptionHook: without an AtomicCheckpointHook a signal ends the run unsaved, as ever.")
            return
        self._taking = True
        prepare_agreement(runner.cfg.get("env_cfg", {}).get("dist_cfg", {}).get("timeout"))
        self._stop = StopSignals(self.signals, self._patience(), tell=runner.logger.warning)
        loop.run = _within(self._stop, loop.run)
        for part in (loop, runner._val_loop):
            loader = getattr(part, "dataloader", None)
            if loader is not None and loader.num_workers > 0 and not isinstance(loader.worker_init_fn, WorkerShield):
                loader.worker_init_fn = WorkerShield(self.signals, loader.worker_init_fn)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Show that the training gets on."""
        self._stop.alive()
        self._began = time.monotonic()

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict[str, Any] | None = None
    ) -> None:
        """Save and leave if any rank was asked to."""
        self._stop.alive()
        self._slowest = max(self._slowest, time.monotonic() - self._began)
        self._stop.patience = self._patience()
        if not self._taking or not any_rank(self._stop.received is not None):
            return
        self._stop.busy()
        just_saved = any_rank(self._saved_iteration == runner.iter + 1)
        path = _last_checkpoint(runner) if just_saved else save_interrupted(runner)
        self._leave(runner, f"after iteration {runner.iter + 1} of {runner.max_iters}", path)

    def before_val_epoch(self, runner: Runner) -> None:
        """Find out how many batches all ranks have: they agree after each of these."""
        if self._taking:
            self._common_batches = min(gather_on_all(len(runner.val_dataloader)))

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Leave if any rank was asked to and nothing is lost by it."""
        self._stop.alive()
        if not self._taking or batch_idx >= self._common_batches or not any_rank(self._stop.received is not None):
            return
        if any_rank(self._saved_iteration == runner.iter) and hasattr(runner.train_loop, "mark_validated"):
            self._stop.busy()
            self._leave(runner, "during a validation, which a resumed run begins again", _last_checkpoint(runner))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Note which iteration can be gone on from."""
        if "optimizer" in checkpoint:
            self._saved_iteration = checkpoint["meta"]["iter"]

    def after_run(self, runner: Runner) -> None:
        """The training is over."""
        self._taking = False

    def _patience(self) -> float | None:
        """How long nothing may move after a signal: under ``torchrun`` the rank that is waited for may be gone."""
        if get_world_size() == 1 or "TORCHELASTIC_RUN_ID" not in os.environ:
            return None
        return max(_TORCHRUN_PATIENCE, 2 * self._slowest)

    def _leave(self, runner: Runner, moment: str, path: Path) -> None:
        """End this process, and with it the training."""
        received = self._stop.received
        asked = received.name if received is not None else "a signal to another rank"
        runner.logger.warning(
            f"Stopped by {asked} {moment}. The run is saved in {path}; start the same command with --resume to go on."
        )
        runner.visualizer.close()
        speaks = is_main_process() or runner.launcher != "slurm"
        finish_ranks(runner)
        if runner.launcher == "slurm" and speaks:
            time.sleep(_SLURM_SECONDS)
        raise SystemExit(self.exit_code if speaks else 0)


def _last_checkpoint(runner: Runner) -> Path:
    return Path(runner.message_hub.get_info("last_ckpt"))


def _within(signals: StopSignals, run: Callable[[], Any]) -> Callable[[], Any]:
    """A loop's ``run`` that takes signals for as long as it runs."""

    def run_with_signals() -> Any:
        with signals:
            return run()

    return run_with_signals
