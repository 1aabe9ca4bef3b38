"""A record of what a run was made from, in its log and in its checkpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.runner.base_loop import BaseLoop

from rs_da_mm.engine.dataset_record import describe_datasets
from rs_da_mm.engine.environment import collect_environment, git_states
from rs_da_mm.registry import HOOKS

_PARTS = ("train", "val", "test")


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Logs environment, state of the code, data sets and the config's hash, and puts them into every checkpoint.

    The record is plain data under ``checkpoint['meta']['run_record']``: ``environment``
    (:func:`~rs_da_mm.engine.environment.collect_environment`), ``git`` (:func:`~rs_da_mm.engine.environment.git_states`),
    ``datasets`` by part (:func:`~rs_da_mm.engine.dataset_record.describe_datasets`; only the parts that the run reads), and
    ``config_sha256``, of the config's text as the checkpoint holds it in ``meta['cfg']``. Rank 0 makes it.

    A resumed run whose data sets are not those of its checkpoint is told so in a warning.
    """

    priority = "VERY_LOW"

    def __init__(self) -> None:
        self.record: dict[str, Any] | None = None

    def before_run(self, runner: Runner) -> None:
        """Make the record, once the data sets are there, and log it."""
        if not is_main_process():
            return
        # mmengine's own hook has formatted the text already, which takes a while.
        text = runner.message_hub.get_info("cfg") or runner.cfg.pretty_text
        self.record = {
            "environment": collect_environment(),
            "git": git_states(runner.cfg.filename),
            "datasets": {part: describe_datasets(dataset) for part, dataset in _datasets(runner).items()},
            "config_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }
        runner.logger.info("\n" + describe_record(self.record))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Put the record in."""
        if self.record is not None:
            checkpoint.setdefault("meta", {})["run_record"] = self.record

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Compare the data with that of the run that goes on."""
        former = _former_record(checkpoint)
        if self.record is None or former is None or not runner._resume:
            return
        for part, records in self.record["datasets"].items():
            was, now = _fingerprints(former["datasets"].get(part, ())), _fingerprints(records)
            if was != now and was is not None and now is not None:
                runner.logger.warning(
                    f"The files of the {part} data are not those that the run began with (fingerprint {_short(was)} → "
                    f"{_short(now)}): its numbers are not comparable with those before."
                )


def describe_record(record: Mapping[str, Any]) -> str:
    """Write a record as text, one line per fact.

    Args:
        record: What :class:`RunRecordHook` makes.
    """
    lines = ["Run record", *(f"  {name}: {value}" for name, value in record["environment"].items())]
    for name, state in record["git"].items():
        branch = f" ({state['branch']})" if "branch" in state else ""
        changed = {True: ", with uncommitted changes", False: ""}.get(state.get("dirty"), ", changes unknown")
        lines.append(f"  git, {name}: {state['commit']}{branch}{changed}")
    if not record["git"]:
        lines.append("  git: no repository")
    for part, datasets in record["datasets"].items():
        for dataset in datasets:
            kind = "a miniature" if dataset.get("miniature") else "files"
            files = f", {kind} {dataset['fingerprint'][:16]}…" if dataset["fingerprint"] else ""
            lines.append(f"  {part} data: {dataset['type']}, {dataset['length']} samples{files}")
    lines.append(f"  config: SHA-256 {record['config_sha256']}")
    return "\n".join(lines)


def _datasets(runner: Runner) -> dict[str, Any]:
    """The data sets of the loops that this run has built, by part; asking the runner for the others would build them."""
    loops = {part: getattr(runner, f"_{part}_loop", None) for part in _PARTS}
    loaders = {
        part: loop.dataloader for part, loop in loops.items() if isinstance(loop, BaseLoop) and hasattr(loop, "dataloader")
    }
    return {part: loader.dataset for part, loader in loaders.items()}


def _former_record(checkpoint: Mapping[str, Any]) -> Mapping[str, Any] | None:
    meta = checkpoint.get("meta")
    record = meta.get("run_record") if isinstance(meta, Mapping) else None
    return record if isinstance(record, Mapping) and isinstance(record.get("datasets"), Mapping) else None


def _fingerprints(records: Any) -> list[str] | None:
    """Fingerprints of a part's data sets, ``None`` where they are not known."""
    found = [record.get("fingerprint") for record in records]
    return found if found and all(found) else None


def _short(fingerprints: list[str]) -> str:
    return ", ".join(fingerprint[:12] for fingerprint in fingerprints)
