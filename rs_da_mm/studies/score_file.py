"""The scores of a test as plain JSON, with what they were measured with and on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from rs_da_mm.engine.dataset_record import describe_datasets
from rs_da_mm.files import atomic_write_json
from rs_da_mm.studies.records import hash_file


def write_scores(path: str | Path, metrics: Mapping[str, Any], runner: Runner, checkpoint: str | Path, tta: bool = False) -> None:
    """Write what ``tools/test.py --json`` promises; on the main process alone, whole or not at all.

    The file holds ``metrics`` (numbers as the evaluator gave them; null where one is undefined), ``samples`` (how many were
    tested), ``datasets`` (:func:`~rs_da_mm.engine.dataset_record.describe_datasets`: type, length, classes, a fingerprint of the
    files, whether it is a miniature), ``checkpoint`` and ``checkpoint_sha256``, ``config`` and ``config_sha256`` (of its text
    with all overrides), ``tta``, and ``parameters`` (trainable ones of the model).

    Args:
        path: Where to.
        metrics: What the test gave.
        runner: The runner that tested.
        checkpoint: The weights.
        tta: Whether predictions were averaged over symmetries.
    """
    if not is_main_process():
        return
    dataset = runner.test_dataloader.dataset
    config: Config = runner.cfg
    content = {
        "metrics": {name: _plain(value) for name, value in metrics.items()},
        "samples": len(dataset),
        "datasets": describe_datasets(dataset),
        "checkpoint": str(checkpoint),
        "checkpoint_sha256": hash_file(Path(checkpoint)),
        "config": config.filename,
        "config_sha256": hashlib.sha256(config.pretty_text.encode()).hexdigest(),
        "tta": tta,
        "parameters": sum(parameter.numel() for parameter in runner.model.parameters() if parameter.requires_grad),
    }
    atomic_write_json(path, content)


def _plain(value: Any) -> Any:
    """A number as JSON has it; anything else as text."""
    if isinstance(value, bool | str) or value is None:
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return None if math.isnan(number) or math.isinf(number) else number
