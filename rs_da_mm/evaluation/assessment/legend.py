"""The names of a map's classes, from wherever a map keeps them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rs_da_mm.raster.tags import file_tags

_TAG = re.compile(r"CLASS_(\d+)")


@dataclass(frozen=True)
class Legend:
    """The classes of a map in the order of their numbers.

    Attributes:
        values: The number of each class in the raster.
        names: The name of each; its number where it has none.
    """

    values: tuple[int, ...]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_named(self) -> bool:
        """Whether any class has a name that is not its number."""
        return any(name != str(value) for value, name in zip(self.values, self.names, strict=True))


def legend_of(names: dict[int, str], found: set[int]) -> Legend:
    """Put a legend together.

    Args:
        names: Names by number, see :func:`class_names`.
        found: The numbers that the raster holds; some may have no name.

    Returns:
        All classes that have a name or a pixel.
    """
    values = tuple(sorted(found | set(names)))
    return Legend(values, tuple(names.get(value, str(value)) for value in values))


def class_names(path: Path) -> dict[int, str]:
    """Read the names of a map's classes.

    They are those of the file's tags ``CLASS_0``, ``CLASS_1``, …, or of the record ``NAME.json`` beside it, if that is its own.

    Args:
        path: The map.

    Returns:
        Names by class number; empty when there are none.
    """
    said = file_tags(path)
    tags = {int(match[1]): text.strip() for tag, text in said.items() if (match := _TAG.fullmatch(tag)) and text.strip()}
    record = own_record(path)
    return tags or ({} if record is None else {int(entry["index"]): str(entry["name"]) for entry in record["classes"]})


def own_record(path: Path) -> dict[str, Any] | None:
    """Read the record that ``tools/segment_scene.py`` writes beside a map.

    Args:
        path: The map.

    Returns:
        The record; ``None`` when there is none, or it is that of another file: name and size in bytes must be the map's.
    """
    beside = path.with_suffix(".json")
    try:
        record = json.loads(beside.read_text(encoding="utf-8"))
        labels = record["outputs"]["labels"]
        is_own = (labels["file"], labels["bytes"]) == (path.name, path.stat().st_size) and bool(record["classes"])
        return record if is_own else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
