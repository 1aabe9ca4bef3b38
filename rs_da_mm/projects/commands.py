"""The commands that come after a project is made."""

from __future__ import annotations

import shlex
from pathlib import Path

from rs_da_mm.projects.survey import Survey
from rs_da_mm.projects.writing import CONFIG, WORK


def commands(folder: Path, found: Survey) -> list[str]:
    """Give the commands that come next, as they can be typed.

    Args:
        folder: The project's folder.
        found: Its scenes; the first one is mapped.
    """
    config = _quoted(folder / CONFIG)
    best = f"{_quoted(folder / WORK)}/best_mIoU_epoch_*.pth"
    first = found.scenes[0]
    scene = _quoted(",".join(map(str, first.images)))
    out = _quoted(folder / "maps" / f"{first.name.rsplit('/', 1)[-1]}.tif")
    points = _quoted(folder / "points.gpkg")
    return [
        f"python tools/train.py {config}",
        f"python tools/test.py {config} {best}",
        f"python tools/segment_scene.py {config} {best} {scene} {out} --preview",
        f"python tools/assess.py {out} {points} --sample auto   # draws points to label in an image; then, without --sample, "
        "the accuracy",
    ]


def _quoted(path: Path | str) -> str:
    return shlex.quote(str(path))
