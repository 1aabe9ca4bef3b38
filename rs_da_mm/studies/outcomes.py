"""What came out of a run: the checkpoint that a training hands on and what it was given, the scores of a test."""

from __future__ import annotations

import json
from typing import Any

from rs_da_mm.engine.checkpoints import load_checkpoint_file
from rs_da_mm.studies.budgets import measured_budget
from rs_da_mm.studies.chosen_checkpoint import choose_checkpoint, last_checkpoint
from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.preparation import SCORES, Prepared
from rs_da_mm.studies.records import hash_file


def result_of(prepared: Prepared, select: str) -> dict[str, Any]:
    """Read what a job that ended well has left.

    Args:
        prepared: The job.
        select: Which checkpoint of a training is handed on.

    Returns:
        For a training ``checkpoint`` (file, SHA-256, how it was chosen), ``budget`` and ``run_record`` (what the training noted
        of its code and data); for a test ``scores``, as ``tools/test.py --json`` wrote them; for the windows of the panels
        ``indices``; nothing for a command.

    Raises:
        StudyError: When something is missing that a job of its kind leaves.
    """
    if prepared.job.kind == "train":
        return _training(prepared, select)
    if prepared.job.kind == "test":
        return {"scores": _scores(prepared)}
    return {"indices": prepared.identity["indices"]} if prepared.job.kind == "panel" else {}


def _training(prepared: Prepared, select: str) -> dict[str, Any]:
    config = prepared.config.to_dict() if prepared.config is not None else {}
    chosen = choose_checkpoint(prepared.folder, select, config)
    last = last_checkpoint(prepared.folder)
    return {
        "checkpoint": {"file": chosen.name, "sha256": hash_file(chosen), "select": select},
        "budget": measured_budget(prepared.folder, config, last or chosen).to_json(),
        "run_record": _run_record(last or chosen),
    }


def _run_record(checkpoint: Any) -> dict[str, Any]:
    """What the training's checkpoint says about its code and its data (see ``RunRecordHook``)."""
    meta = load_checkpoint_file(checkpoint, map_location="cpu").get("meta") or {}
    record = meta.get("run_record") or {}
    kept: dict[str, Any] = json.loads(json.dumps({key: record[key] for key in ("git", "datasets") if key in record}, default=str))
    return kept


def _scores(prepared: Prepared) -> dict[str, Any]:
    path = prepared.folder / SCORES
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: the test ended well and left no scores ({type(error).__name__}).") from error
    if not isinstance(content, dict) or not isinstance(content.get("metrics"), dict):
        raise StudyError(f"{path}: holds no 'metrics'; expected what tools/test.py --json writes.")
    return content
