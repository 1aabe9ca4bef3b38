"""Checkpoints that are whole, complete and safe to read, and that a run goes on from exactly."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import is_main_process, master_only
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from rs_da_mm.engine.checkpoints import describe_misfit, fitted_weights, load_checkpoint_file, match_weights, weights_of
from rs_da_mm.engine.checkpoints.plain_data import NotPlainError, message_hub_state, plain_data, plain_message_hub
from rs_da_mm.engine.checkpoints.resume import INTERRUPTED, POINTER, newest_resumable
from rs_da_mm.engine.checkpoints.storage import ATOMIC
from rs_da_mm.engine.run_state import RunPosition, capture_run_state, restore_run_state
from rs_da_mm.errors import InputError
from rs_da_mm.files import atomic_write_bytes, atomic_write_text
from rs_da_mm.registry import HOOKS

_SUPERSEDED = "superseded_ckpts"


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, with which a run can be killed at any moment and resumed exactly.

    - A checkpoint is written under a temporary name, brought onto the disk, read back and put in its place; only then do
      ``last_checkpoint`` point at it and the oldest or the former best one go.
    - It holds plain data and tensors alone, so it is read without executing anything, and beside what mmengine saves the state
      that :mod:`rs_da_mm.engine.run_state` lists.
    - Resuming without a file takes the newest checkpoint that is not damaged. Loading is strict.
    - The best checkpoint is chosen when the validation is over for all hooks, so that what they count is in the file.

    Exactness needs a loop of :mod:`rs_da_mm.engine.loops` too; with mmengine's the rest of the above holds.

    Args:
        *args: mmengine's arguments.
        strict: Whether every weight of ``load_from`` must fit the model. ``False`` loads what fits and logs what does not, as
            mmengine does. A resume is strict in any case.
        **kwargs: mmengine's arguments.
    """

    def __init__(self, *args: Any, strict: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.strict = strict
        self.backend_args: dict[str, Any] | None
        self._training = False
        self._metrics: Mapping[str, float] = {}
        self._run_state: dict[str, Any] | None = None
        self._to_restore: Mapping[str, Any] | None = None

    def before_run(self, runner: Runner) -> None:
        """Find what to resume from, before the runner looks for it."""
        if runner._resume and runner._load_from is None:
            newest = newest_resumable(runner.work_dir, self._folder(runner), self.filename_tmpl)
            if newest is None:
                runner.logger.info(f"There is no checkpoint in {runner.work_dir} to resume from: the training begins.")
            else:
                runner._load_from = str(newest)
        if runner._resume and runner._load_from is not None and Path(runner._load_from).is_file():
            # Here already: an averaged model is loaded before this hook sees the checkpoint, and fails without saying why.
            weights = weights_of(load_checkpoint_file(runner._load_from, map_location="cpu"), runner._load_from)
            fitted_weights(runner.model, weights, runner._load_from)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Check that a checkpoint fits, and undo its plain form."""
        source = str(runner._load_from)
        self._fit(runner, checkpoint, source)
        if not runner._resume:
            return
        for key in ("meta", "optimizer", "message_hub"):
            if key not in checkpoint:
                raise InputError(
                    f"{source}: has no '{key}', so a training cannot go on from it; it holds weights to start another one from. "
                    "Use load_from for that, or resume from epoch_N.pth, iter_N.pth or interrupted.pth."
                )
        checkpoint["message_hub"] = message_hub_state(checkpoint["message_hub"])
        _spare_false_alarm(runner, checkpoint["meta"])
        self._to_restore = checkpoint.get("run_state")
        if self._to_restore is None:
            runner.logger.warning(
                f"{source} was not written by AtomicCheckpointHook and has no random states: the run goes on, but will not give "
                "the numbers of an uninterrupted one."
            )

    def _fit(self, runner: Runner, checkpoint: dict[str, Any], source: str) -> None:
        """Give the weights the model's names, and refuse or log those that are not the model's."""
        weights, differences = match_weights(runner.model, weights_of(checkpoint, source))
        if differences and (self.strict or runner._resume):
            raise InputError(
                f"{describe_misfit(source, differences)} Take the config that it was trained with (in the work dir), with the "
                "same bands and classes. To start from the weights that do fit, set default_hooks.checkpoint.strict=False."
            )
        if differences:
            runner.logger.warning(f"{describe_misfit(source, differences)} What fits is loaded.")
        if "state_dict" in checkpoint:
            checkpoint["state_dict"] = weights
        else:
            checkpoint.clear()
            checkpoint.update(weights)

    def before_train(self, runner: Runner) -> None:
        """Go on where the checkpoint was, and take away what a stopped run could not."""
        self._training = True
        if self.backend_args is None and self.file_client_args is None and "://" not in str(self.out_dir or runner.work_dir):
            self.backend_args = {"backend": ATOMIC}
        super().before_train(runner)
        self._claim_best(runner)
        if self._to_restore is not None:
            restore_run_state(runner, self._to_restore)
            self._to_restore = None
            self._remove(runner, [self._beside(path) for path in runner.message_hub.get_info(_SUPERSEDED, [])])

    def _claim_best(self, runner: Runner) -> None:
        """Take the best checkpoint for the one of this folder: a copied work dir must not remove the other run's."""
        for key in self.key_indicators if self.save_best else []:
            former = self._former_best(key)
            if former is not None:
                self._note_best(runner, key, self._beside(former))

    def _beside(self, path: str) -> str:
        """The file of that name in the folder of this run's checkpoints."""
        own: str = self.file_backend.join_path(self.out_dir, Path(path).name)
        return own

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Put the state of the run in, and take out what is not plain data."""
        if self._run_state is not None:
            checkpoint["run_state"] = self._run_state
        checkpoint["message_hub"], left_out = plain_message_hub(checkpoint["message_hub"])
        if left_out:
            runner.logger.warning(f"Not saved, because they are not plain data: {', '.join(left_out)} of the message hub.")
        # A model of single networks in wrappers would be saved under names that only such a model has.
        weights, differences = match_weights(runner.model, checkpoint["state_dict"])
        if not differences and weights.keys() != checkpoint["state_dict"].keys():
            checkpoint["state_dict"] = weights
        # Weights are tensors already, and a plain dict would lose the version numbers that torch keeps with them.
        for key in checkpoint.keys() - {"message_hub", "run_state", "state_dict", "ema_state_dict"}:
            checkpoint[key] = _plain(checkpoint[key], key)

    def after_val_epoch(self, runner: Runner, metrics: Mapping[str, float]) -> None:
        """Keep the scores until every hook has seen them."""
        self._metrics = metrics

    def after_val(self, runner: Runner) -> None:
        """Keep the best checkpoint, and note in the last one that the validation is done."""
        if self._training and self.save_best:
            self._save_best_checkpoint(runner, self._metrics)

    def save_interrupted(self, runner: Runner, position: RunPosition | None = None) -> Path:
        """Save a run that is about to stop; see :func:`save_interrupted`."""
        meta = (
            {"epoch": runner.epoch, "iter": runner.iter + 1}
            if position is None
            else {"epoch": position.epoch, "iter": position.iteration}
        )
        self._write(runner, INTERRUPTED, meta, position=position)
        path = Path(self.out_dir) / INTERRUPTED
        self._point_at(runner, str(path))
        return path

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        """Write a checkpoint, then point at it, then let the outdated ones go."""
        outdated = self._count_in(runner, step)
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info("last_ckpt", self.last_ckpt)
        self._write(runner, filename, meta)
        self._point_at(runner, self.last_ckpt)
        self._remove(runner, [*outdated, self.file_backend.join_path(self.out_dir, INTERRUPTED)])

    def _count_in(self, runner: Runner, step: int) -> list[str]:
        """Add a checkpoint to those that are kept; gives the ones that must go when it is on the disk."""
        if self.max_keep_ckpts <= 0:
            return []
        kept = [*self.keep_ckpt_ids] if step in self.keep_ckpt_ids else [*self.keep_ckpt_ids, step]
        outdated, kept_on = kept[: -self.max_keep_ckpts], kept[-self.max_keep_ckpts :]
        self.keep_ckpt_ids.clear()
        self.keep_ckpt_ids.extend(kept_on)
        # All of them: a run that is killed before the outdated ones are gone takes them away when it is resumed.
        runner.message_hub.update_info("keep_ckpt_ids", kept)
        return [self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step)) for step in outdated]

    def _save_best_checkpoint(self, runner: Runner, metrics: Mapping[str, float]) -> None:
        """Write the best checkpoint, note it in the last one, and let the former best go."""
        if not metrics:
            runner.logger.warning("The validation gave no metrics, so no best checkpoint was chosen.")
            return
        if "auto" in self.key_indicators:
            self._init_rule(self.rules, [next(iter(metrics))])
        if hasattr(runner.train_loop, "mark_validated"):
            runner.train_loop.mark_validated()
        superseded = []
        improved = False
        for key, rule in zip(self.key_indicators, self.rules, strict=True):
            score = _score(metrics, key)
            best = runner.message_hub.get_info(self._info("best_score", key), self.init_value_map[rule])
            if score is None or not self.is_better_than[key](score, best):
                continue
            improved = True
            former = self._former_best(key)
            path = self._write_best(runner, key, score)
            if former is not None and former != path:
                superseded.append(former)
        step = runner.epoch if self.by_epoch else runner.iter
        if improved:
            runner.message_hub.update_info(_SUPERSEDED, superseded)
            if self.last_ckpt == self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step)):
                # Written before the validation: its score and the best file's name are to be found in it.
                self._save_checkpoint_with_step(runner, step, {"epoch": runner.epoch, "iter": runner.iter})
            self._remove(runner, superseded)

    def _write_best(self, runner: Runner, key: str, score: float) -> str:
        step = runner.epoch if self.by_epoch else runner.iter
        filename = f"best_{key}_{self.filename_tmpl.format(step)}".replace("/", "_")
        path: str = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info(self._info("best_score", key), score)
        self._note_best(runner, key, path)
        self._write(runner, filename, {"epoch": runner.epoch, "iter": runner.iter}, for_resume=False)
        unit = "epoch" if self.by_epoch else "iter"
        runner.logger.info(f"The best checkpoint with {score:0.4f} {key} at {step} {unit} is saved to {filename}.")
        return path

    def _note_best(self, runner: Runner, key: str, path: str) -> None:
        runner.message_hub.update_info(self._info("best_ckpt", key), path)
        if len(self.key_indicators) == 1:
            self.best_ckpt_path = path
        else:
            self.best_ckpt_path_dict[key] = path

    def _former_best(self, key: str) -> str | None:
        former: str | None = self.best_ckpt_path if len(self.key_indicators) == 1 else self.best_ckpt_path_dict[key]
        return former

    def _info(self, name: str, key: str) -> str:
        return name if len(self.key_indicators) == 1 else f"{name}_{key}"

    def _write(
        self,
        runner: Runner,
        filename: str,
        meta: dict[str, Any],
        position: RunPosition | None = None,
        for_resume: bool = True,
    ) -> None:
        """Write one file; all ranks take part."""
        self._run_state = capture_run_state(runner, position) if for_resume else None
        try:
            runner.save_checkpoint(
                self.out_dir,
                filename,
                self.file_client_args,
                save_optimizer=self.save_optimizer and for_resume,
                save_param_scheduler=self.save_param_scheduler and for_resume,
                meta=meta,
                by_epoch=False,
                backend_args=self.backend_args,
                **(self.args if for_resume else {}),
            )
        except OSError as error:
            raise InputError(
                f"{Path(self.out_dir) / filename}: the checkpoint cannot be written ({error}). The checkpoints before it "
                "are as they were: make room, or repair the disk, and go on with --resume."
            ) from error
        finally:
            self._run_state = None

    @master_only
    def _point_at(self, runner: Runner, path: str) -> None:
        atomic_write_text(Path(runner.work_dir) / POINTER, path)

    def _remove(self, runner: Runner, paths: list[str]) -> None:
        if is_main_process():
            for path in paths:
                if self.file_backend.isfile(path):
                    self.file_backend.remove(path)
                elif self.file_backend.isdir(path):  # as DeepSpeed saves them
                    self.file_backend.rmtree(path)

    def _publish_model(self, runner: Runner, ckpt_path: str) -> None:
        """Write ``published_keys`` of a checkpoint to a file of their own, with their hash in its name, as mmengine does."""
        if not is_main_process():
            return
        checkpoint = load_checkpoint_file(ckpt_path, map_location="cpu")
        with io.BytesIO() as content:
            torch.save({key: checkpoint[key] for key in checkpoint if key in self.published_keys}, content)
            digest = hashlib.sha256(content.getvalue()).hexdigest()[:8]
            path = Path(ckpt_path).with_name(f"{Path(ckpt_path).stem}-{digest}.pth")
            atomic_write_bytes(path, content.getbuffer(), check=True)
        runner.logger.info(f"The checkpoint ({ckpt_path}) is published to {path}.")

    def _folder(self, runner: Runner) -> str:
        """Where the checkpoints go, before ``before_train`` has found it out."""
        if self.out_dir is None or self.out_dir == runner.work_dir:
            return str(runner.work_dir)
        return str(Path(self.out_dir) / Path(runner.work_dir).name)


def save_interrupted(runner: Runner, position: RunPosition | None = None) -> Path:
    """Save a run that is about to stop, on all ranks together, from an ``after_train_iter`` hook.

    Writes ``interrupted.pth`` beside the other checkpoints and points ``last_checkpoint`` at it; the next regular checkpoint
    takes its place.

    Args:
        runner: The runner, in training.
        position: The moment to go on from, see :func:`rs_da_mm.engine.run_state.current_position`; whoever gives one has put
            weights and buffers back to it. Without it the present iteration counts as done.

    Returns:
        The file.

    Raises:
        InputError: When the run has no :class:`AtomicCheckpointHook`, or the file cannot be written.
    """
    hook = next((hook for hook in runner.hooks if isinstance(hook, AtomicCheckpointHook)), None)
    if hook is None:
        raise InputError(
            "the run cannot be saved between two checkpoints: it has no AtomicCheckpointHook. Set "
            "default_hooks.checkpoint=dict(type='AtomicCheckpointHook', …)."
        )
    return hook.save_interrupted(runner, position)


def _score(metrics: Mapping[str, float], key: str) -> float | None:
    if key not in metrics:
        raise InputError(
            f"save_best='{key}': the validation gives no such metric. It gives: {', '.join(metrics)}. Set "
            "default_hooks.checkpoint.save_best to one of them."
        )
    value = metrics[key]
    return None if value is None else float(value)


def _plain(value: Any, key: str) -> Any:
    try:
        return plain_data(value, key)
    except NotPlainError as error:
        raise InputError(
            f"the checkpoint cannot be saved as plain data: {error}. Whatever put it there (a hook's before_save_checkpoint, the "
            "data set's metainfo) must use numbers, strings, tensors, lists and dicts."
        ) from error


def _spare_false_alarm(runner: Runner, meta: dict[str, Any]) -> None:
    """Let mmengine find the data set's description unchanged where it is: it compares pickles, and equal values can differ."""
    now = getattr(runner.train_dataloader.dataset, "metainfo", None)
    try:
        if now is not None and plain_data(now) == meta.get("dataset_meta"):
            meta["dataset_meta"] = now
    except NotPlainError:
        pass
