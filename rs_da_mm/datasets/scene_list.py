"""Scenes told one by one: in a config, or in a table."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rs_da_mm.errors import DatasetError

_KNOWN = re.compile(r"(scene|image|label|height|mask)(\d*)")


@dataclass(frozen=True)
class ListedScene:
    """The files of a scene as a list names them.

    Attributes:
        scene: Its name.
        images: Image files.
        label: The label file; ``None`` where a pattern tells it.
        height: The file of heights; ``None`` where a pattern tells it, or there is none.
        masks: Quality masks; none where patterns tell them.
        groups: Name and value of each group.
    """

    scene: str
    images: tuple[str, ...]
    label: str | None = None
    height: str | None = None
    masks: tuple[str, ...] = ()
    groups: tuple[tuple[str, str], ...] = ()


def read_scene_table(path: Path) -> tuple[ListedScene, ...]:
    """Read a table of scenes.

    Args:
        path: A CSV file (commas, semicolons or tabs) with a line of column names: ``image`` (and ``image2``, …, whose bands are
            counted on), and where they are needed ``scene`` (the image's path without suffix otherwise), ``label``, ``height``,
            ``mask`` (and ``mask2``, …). Every other column is a group, such as ``city``.

    Returns:
        The scenes.

    Raises:
        DatasetError: When it cannot be read, or a line is not complete.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"The list of scenes '{path}' cannot be read: {error}.") from error
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter, skipinitialspace=True))
    if not rows or "image" not in rows[0]:
        raise DatasetError(
            f"The list of scenes '{path}' has {'no lines' if not rows else 'no column image'}; its first line names the columns: "
            "image, and where they are needed scene, image2, label, height, mask, and groups such as city."
        )
    for number, row in enumerate(rows, 2):
        if None in row or any(value is None for value in row.values()):
            raise DatasetError(f"{path}, line {number}: it has not as many columns as the first line.")
    return scenes_of_rows([{key.strip(): value.strip() for key, value in row.items()} for row in rows], str(path), 2)


def scenes_of_rows(rows: Sequence[Mapping[str, Any]], where: str, first: int = 0) -> tuple[ListedScene, ...]:
    """Make scenes of the lines of a list.

    Args:
        rows: Per scene, its files and groups by column; see :func:`read_scene_table`. ``image`` and ``mask`` may be lists, too.
        where: The list, for errors.
        first: The number of its first line, for errors.

    Returns:
        The scenes.

    Raises:
        DatasetError: When a scene has no image, or two have one name.
    """
    scenes: dict[str, ListedScene] = {}
    for number, row in enumerate(rows, first):
        images = _files(row, "image")
        if not images:
            raise DatasetError(f"{where}, line {number}: the scene has no image.")
        name = str(row.get("scene") or Path(images[0]).with_suffix("").as_posix())
        if name in scenes:
            raise DatasetError(f"{where}, line {number}: there is a scene '{name}' already; give each its own name (scene).")
        groups = tuple((str(key), str(value)) for key, value in row.items() if not _KNOWN.fullmatch(str(key)) and value != "")
        label, height = (str(row[key]) if row.get(key) else None for key in ("label", "height"))
        scenes[name] = ListedScene(name, images, label, height, _files(row, "mask"), groups)
    return tuple(scenes.values())


def _files(row: Mapping[str, Any], what: str) -> tuple[str, ...]:
    """The files of all columns of one kind: ``image``, ``image2`` and so on."""
    matches = [(match, value) for key, value in row.items() if (match := _KNOWN.fullmatch(str(key))) and match[1] == what]
    found: list[str] = []
    for _, value in sorted(matches, key=lambda pair: int(pair[0][2] or 1)):
        found += [str(one) for one in (value if isinstance(value, (list, tuple)) else [value]) if one]
    return tuple(found)
