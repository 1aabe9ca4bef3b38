"""Which checkpoint of a training is handed on: the best, the last, or the one of a pattern."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rs_da_mm.studies.fields import StudyError

BEST, LAST = "best", "last"


def choose_checkpoint(work_dir: Path, select: str, config: Mapping[str, Any]) -> Path:
    """Find the checkpoint that a finished training hands on.

    Args:
        work_dir: The training's.
        select: ``'best'``: what ``save_best`` kept; of several, that of its first metric. ``'last'``: what ``last_checkpoint``
            names. Else a file pattern, like ``'lowest_loss*.pth'``.
        config: The training's config.

    Returns:
        The file; of several that fit, the one of the highest epoch or iteration.

    Raises:
        StudyError: When there is none.
    """
    if select == LAST:
        found = last_checkpoint(work_dir)
        if found is None:
            raise StudyError(f"{work_dir}: the training ended without a checkpoint. Check the config's checkpoint hook.")
        return found
    pattern = select if select != BEST else f"best_{_best_key(config)}_*.pth"
    matching = sorted(work_dir.glob(pattern), key=_step)
    if not matching:
        there = ", ".join(sorted(path.name for path in work_dir.glob("*.pth"))) or "no checkpoint"
        raise StudyError(
            f"{work_dir}: select='{select}' finds no file '{pattern}'; there is {there}. Change select, or the config."
        )
    return matching[-1]


def last_checkpoint(work_dir: Path) -> Path | None:
    """Find the newest checkpoint that a run can go on from: what the file ``last_checkpoint`` names, if it is there."""
    pointer = work_dir / "last_checkpoint"
    if pointer.is_file():
        # Only the name: the folder may have been moved since.
        named = work_dir / Path(pointer.read_text(encoding="utf-8").strip().replace("\\", "/")).name
        if named.is_file():
            return named
    steps = sorted([*work_dir.glob("epoch_*.pth"), *work_dir.glob("iter_*.pth")], key=_step)
    return steps[-1] if steps else None


def check_selection(select: str, config: Mapping[str, Any], where: str) -> None:
    """Refuse the best checkpoint of a config that keeps none, before it is trained.

    Raises:
        StudyError: Naming the setting.
    """
    if select == BEST and not _checkpoint_hook(config).get("save_best"):
        raise StudyError(
            f"{where}: select is 'best', and the config's default_hooks.checkpoint has no save_best. Set it to a metric of the "
            "validation, or select='last'."
        )
    if select not in (BEST, LAST) and not select.endswith((".pth", ".safetensors")):
        raise StudyError(f"{where}: select is '{select}'; expected 'best', 'last' or a pattern of checkpoint files (….pth).")


def selection_in_words(select: str, config: Mapping[str, Any]) -> str:
    """Say which checkpoint is meant, for the line under a table."""
    if select == BEST:
        return f"the checkpoint with the best {_checkpoint_hook(config).get('save_best')} on the validation data"
    return "the last checkpoint" if select == LAST else f"the checkpoint {select}"


def _checkpoint_hook(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return (config.get("default_hooks") or {}).get("checkpoint") or {}


def _best_key(config: Mapping[str, Any]) -> str:
    kept = _checkpoint_hook(config).get("save_best")
    first = kept[0] if isinstance(kept, list | tuple) else kept
    return "*" if first in (None, "auto") else str(first).replace("/", "_")


def _step(path: Path) -> tuple[int, str]:
    numbers = re.findall(r"\d+", path.stem)
    return (int(numbers[-1]) if numbers else -1, path.name)
