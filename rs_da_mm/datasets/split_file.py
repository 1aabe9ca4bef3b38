"""Splits as files: written once, read by every run after, refused when the data set is another."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from mmengine.logging import print_log

from rs_da_mm.datasets.provenance import Provenance
from rs_da_mm.datasets.split_draws import PARTS, WindowKey
from rs_da_mm.datasets.split_facts import SplitFacts
from rs_da_mm.datasets.split_spec import Split, SplitSpec
from rs_da_mm.errors import DatasetError
from rs_da_mm.files import atomic_write_text
from rs_da_mm.raster import Window

__all__ = ["Split", "SplitSpec", "load_or_draw", "read_split", "write_split"]

_FORMAT = "rs_da_mm split"
_VERSION = 1


def load_or_draw(
    path: Path,
    spec: SplitSpec,
    windows: Mapping[str, Sequence[Window]],
    stride: tuple[int, int] | None,
    now: Provenance,
    numbered_patches: bool = False,
    facts: SplitFacts | None = None,
) -> Split:
    """Take a split from its file, or draw and write it when there is none.

    Several processes may do this at once: each draws the same split, and the file appears whole.

    Args:
        path: The file.
        spec: How the split is drawn.
        windows: The windows of each scene.
        stride: Rows and columns from one window to the next.
        now: What the split is made from.
        numbered_patches: See :meth:`SplitSpec.draw`.
        facts: See :meth:`SplitSpec.draw`; asked for only when the split is drawn.

    Returns:
        The split.

    Raises:
        DatasetError: When the file no longer fits or cannot be written, or the windows cannot be divided so.
    """
    if path.is_file():
        return read_split(path, now, windows)
    split = spec.draw(windows, stride, numbered_patches, facts)
    try:
        write_split(path, split, now)
    except OSError as error:
        if path.is_file():  # another process was faster, and Windows does not replace a file that is being read
            return read_split(path, now, windows)
        raise DatasetError(
            f"The split cannot be written to '{path}' ({error.strerror}); give the data set a folder that can be written: "
            "cache_dir='…', or a place for the split alone: split_file='….json'."
        ) from error
    print_log(f"New {spec.type} split written to '{path}': {split.describe()}.", "current", logging.INFO)
    return split


def write_split(path: Path, split: Split, origin: Provenance) -> None:
    """Write a split as JSON, one line per scene and part.

    Args:
        path: Where.
        split: The split.
        origin: What it was made from.

    Raises:
        OSError: When it cannot be written.
    """
    parts = {**split.parts, "dropped": split.dropped}
    head = {
        "format": _FORMAT,
        "version": _VERSION,
        "counts": {part: len(keys) for part, keys in parts.items()},
        **({"notes": dict(split.notes)} if split.notes else {}),
        **origin.to_json(),
    }
    text = json.dumps(head, indent=1, ensure_ascii=False)[:-2] + ',\n "parts": {\n'
    text += ",\n".join(f"  {json.dumps(part)}: {{{_lines(keys)}}}" for part, keys in parts.items())
    atomic_write_text(path, text + "\n }\n}\n")


def read_split(path: Path, now: Provenance, windows: Mapping[str, Sequence[Window]]) -> Split:
    """Read a split and see that it fits.

    Args:
        path: The file.
        now: What the data set is now. Without the parameter 'split', any way of drawing will do.
        windows: The windows of each scene.

    Returns:
        The split.

    Raises:
        DatasetError: When the file is missing, is no split, or fits another data set; it names the file, the differences, and
            what to do.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if (content["format"], content["version"]) != (_FORMAT, _VERSION):
            raise ValueError("another format or version")
        origin = Provenance.from_json(content)
        parts = {
            part: [WindowKey(scene, row, col) for scene, corners in members.items() for row, col in corners]
            for part, members in content["parts"].items()
        }
        split = Split({part: parts[part] for part in PARTS if part in parts}, parts["dropped"], dict(content.get("notes", {})))
    except FileNotFoundError:
        raise DatasetError(f"There is no split file '{path}'.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f"{path} is not a split that this version can read ({error}). Delete it to have the split made anew."
        ) from error
    if "split" not in now.parameters:
        now = Provenance({**now.parameters, "split": origin.parameters.get("split")}, now.scenes)
    origin.require(now, path, "split")
    _require_members(path, parts, windows)
    return split


def _require_members(path: Path, parts: Mapping[str, list[WindowKey]], windows: Mapping[str, Sequence[Window]]) -> None:
    """A split that was edited by hand must still name every window once."""
    there = {WindowKey(scene, window.row, window.col) for scene, placed in windows.items() for window in placed}
    named: set[WindowKey] = set()
    for part, keys in parts.items():
        wrong = next((key for key in keys if key not in there or key in named), None)
        if wrong is not None:
            why = "is in two parts" if wrong in named else "is not a window of the data set"
            raise DatasetError(f"{path}: {tuple(wrong)} of part '{part}' {why}. Delete the file to have the split made anew.")
        named.update(keys)
    if named != there:
        raise DatasetError(f"{path}: {len(there - named)} windows are in no part. Delete the file to have the split made anew.")


def _lines(keys: Sequence[WindowKey]) -> str:
    groups = ((scene, [[key.row, key.col] for key in members]) for scene, members in groupby(keys, key=lambda key: key.scene))
    lines = [f"   {json.dumps(scene)}: {json.dumps(corners, separators=(',', ':'))}" for scene, corners in groups]
    return "\n" + ",\n".join(lines) + "\n  " if lines else ""
