"""The table of a project's scenes, which a person can read and change."""

from __future__ import annotations

import csv
import io
import re

from rs_da_mm.projects.survey import Survey

NAME = "scenes.csv"
_TAKEN = re.compile(r"(scene|image|label|height|mask)\d*")


def scene_table(found: Survey) -> str:
    """Write the table that :func:`~rs_da_mm.datasets.scene_list.read_scene_table` reads.

    Args:
        found: The scenes.

    Returns:
        CSV: a line per scene with its images, label and so on, as far as each scene has its own, and its groups.
    """
    images = max(len(scene.images) for scene in found.scenes)
    groups = sorted({name for scene in found.scenes for name in scene.groups})
    own_label, heights = found.labels.shared is None, found.heights
    columns = [
        "scene",
        *_numbered("image", images),
        *(["label"] if own_label else []),
        *(["height"] if heights is not None and heights.shared is None else []),
        *_numbered("mask", len(found.masks)),
        *(f"group_{name}" if _TAKEN.fullmatch(name) else name for name in groups),
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for scene in found.scenes:
        rows = [scene.name, *(path.as_posix() for path in scene.images), *[""] * (images - len(scene.images))]
        rows += [_path(found.labels.of(scene.name))] if own_label else []
        rows += [_path(heights.of(scene.name))] if heights is not None and heights.shared is None else []
        rows += [_path(one.of(scene.name)) for _, one in found.masks]
        writer.writerow([*rows, *(scene.groups.get(name, "") for name in groups)])
    return text.getvalue()


def _numbered(name: str, count: int) -> list[str]:
    return [name if number == 1 else f"{name}{number}" for number in range(1, count + 1)]


def _path(path: object) -> str:
    return "" if path is None else str(path).replace("\\", "/")
