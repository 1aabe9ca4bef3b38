"""Finding the checkpoint that a stopped run goes on from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from rs_da_mm.engine.checkpoints.reading import load_checkpoint_file
from rs_da_mm.errors import InputError

POINTER = "last_checkpoint"
"""The text file in a work dir that names the newest checkpoint; mmengine's name."""

INTERRUPTED = "interrupted.pth"
"""The checkpoint of a run that was stopped between two regular ones."""


def newest_resumable(work_dir: str | Path, folder: str | Path, template: str) -> Path | None:
    """Find the newest checkpoint that can be read, the same one on all ranks.

    Args:
        work_dir: Where ``last_checkpoint`` is.
        folder: Where the checkpoints are.
        template: How regular ones are named: ``'epoch_{}.pth'``.

    Returns:
        The checkpoint, or ``None`` when there is none at all. What had to be passed over is logged as a warning.

    Raises:
        InputError: When there are checkpoints and all of them are damaged.
    """
    answer: list[Path | InputError | None] = [None]
    if is_main_process():
        try:
            answer = [_search(Path(work_dir), Path(folder), template)]
        except InputError as error:
            answer = [error]
    broadcast_object_list(answer)
    if isinstance(answer[0], InputError):
        raise answer[0]
    return answer[0]


def _search(work_dir: Path, folder: Path, template: str) -> Path | None:
    refused: list[str] = []
    for path in _candidates(work_dir, folder, template):
        try:
            checkpoint = load_checkpoint_file(path, map_location="cpu")
        except InputError as error:
            refused.append(str(error))
            print_log(f"Passed over: {error}", "current", logging.WARNING)
            continue
        missing = [key for key in ("meta", "state_dict", "message_hub") if key not in checkpoint]
        if missing:
            refused.append(f"{path} has no {', '.join(missing)}")
            continue
        if refused:
            print_log(f"Going on from the checkpoint before, {path}.", "current", logging.WARNING)
        return path
    if refused:
        raise InputError(
            f"{folder}: none of its {len(refused)} checkpoints can be resumed from: {'; '.join(refused)} Leave out --resume to "
            "begin anew, in another --work-dir if the files are still wanted."
        )
    return None


def _candidates(work_dir: Path, folder: Path, template: str) -> Iterator[Path]:
    """The checkpoint that the pointer names, then the others from the newest to the oldest."""
    named = _pointed_at(work_dir, folder)
    if named is not None:
        yield named
    found = [*folder.glob(template.format("*")), *folder.glob(INTERRUPTED)]
    others = [path for path in found if named is None or path.resolve() != named.resolve()]
    yield from sorted(others, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def _pointed_at(work_dir: Path, folder: Path) -> Path | None:
    pointer = work_dir / POINTER
    if not pointer.is_file():
        return None
    named = Path(pointer.read_text(encoding="utf-8").strip())
    # By its name first: the work dir may have been moved or copied, and the path in the file is the old one's.
    return next((path for path in (folder / named.name, named) if path.is_file()), None)
