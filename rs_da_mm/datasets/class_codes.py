"""What the values, colours or names in labels of one's own stand for, as a config says it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from rs_da_mm.datasets.label_code import IGNORED, Colour, LabelCode
from rs_da_mm.errors import DatasetError

IGNORE = "ignore"
"""Stands for "no class" where a class is named."""

_HEX = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_WHOLE = re.compile(r"[+-]?\d+")
_TOLD_BY = "label_codes, or other_labels='ignore'"


def parse_label_codes(
    codes: Mapping[Any, Any] | Sequence[tuple[Any, Any]] | None,
    classes: Sequence[str],
    palette: Sequence[Colour] | None,
    others: str = "error",
) -> LabelCode:
    """Read ``label_codes`` and ``other_labels``.

    Args:
        codes: Class of each value (``3``), colour (``(226, 169, 41)``, ``'#e2a929'``) or text of an attribute (``'forest'``):
            its name, its index, or ``'ignore'``. Several may stand for one class. As a dict, or as pairs, since a config cannot
            well have tuples for keys. Without it the classes' own indices, names and, where there are any, colours stand for
            them, and 255 is ignored; of classes whose names are whole numbers, these stand in place of the indices.
        classes: Names of the classes, class 0 first.
        palette: Their colours; ``None`` when nobody chose them.
        others: What becomes of labels that ``codes`` does not name: ``'error'`` or ``'ignore'``.

    Returns:
        The legend.

    Raises:
        DatasetError: When a class does not exist, or a key is nothing that a label can hold.
    """
    if others not in ("error", "ignore"):
        raise DatasetError(f"other_labels is {others!r}; it can be 'error' or 'ignore'.")
    colours: dict[Colour, int] = {}
    values: dict[int, int] = {}
    names: dict[str, int] = {}
    if codes is None:
        colours = {tuple(colour): index for index, colour in enumerate(palette or ())}  # type: ignore[misc]
        numbered = all(map(_WHOLE.fullmatch, classes))  # classes called 1, 2, 3 are what labels of these values mean
        values = {IGNORED: IGNORED, **{int(name) if numbered else index: index for index, name in enumerate(classes)}}
        names = {name: index for index, name in enumerate(classes)}
    for key, wanted in _pairs(codes):
        index = class_index(wanted, classes, f"label_codes[{key!r}]")
        if isinstance(key, str):
            names[key] = index
            found = _HEX.fullmatch(key)
            if found is not None:
                colours[int(found[1], 16), int(found[2], 16), int(found[3], 16)] = index
            elif _WHOLE.fullmatch(key):  # keys of JSON and of the command line are texts
                values[int(key)] = index
        elif isinstance(key, (int, float)) and key == int(key):
            values[int(key)] = index
        elif isinstance(key, Sequence) and len(key) == 3:
            colours[int(key[0]), int(key[1]), int(key[2])] = index
        else:
            raise DatasetError(
                f"label_codes has the key {key!r}; give a whole number, a colour ((226, 169, 41) or '#e2a929'), or the text of "
                "an attribute."
            )
    return LabelCode(colours, values, names, others == "ignore", _TOLD_BY)


def class_index(wanted: Any, classes: Sequence[str], where: str) -> int:
    """Find the index of a class.

    Args:
        wanted: Its name or index, or ``'ignore'``.
        classes: Names of the classes, class 0 first.
        where: The argument that names it, for the error.

    Returns:
        Its index, 255 for ``'ignore'``.

    Raises:
        DatasetError: When there is no such class; it names those that there are.
    """
    known = list(classes)
    if isinstance(wanted, str) and wanted in known:
        return known.index(wanted)
    if wanted == IGNORE or (isinstance(wanted, int) and wanted == IGNORED):
        return IGNORED
    if isinstance(wanted, int) and not isinstance(wanted, bool) and 0 <= wanted < len(known):
        return wanted
    near = get_close_matches(str(wanted), known, n=1)
    meant = f" Was '{near[0]}' meant?" if near else ""
    raise DatasetError(f"{where} is {wanted!r}; the classes are {known}, by name or number from 0, or 'ignore'.{meant}")


def _pairs(codes: Mapping[Any, Any] | Sequence[tuple[Any, Any]] | None) -> list[tuple[Any, Any]]:
    if codes is None:
        return []
    pairs = list(codes.items()) if isinstance(codes, Mapping) else list(codes)
    if not pairs or not all(isinstance(pair, Sequence) and not isinstance(pair, str) and len(pair) == 2 for pair in pairs):
        raise DatasetError(f"label_codes is {codes!r}; give a dict of label to class, or a list of such pairs.")
    return [(pair[0], pair[1]) for pair in pairs]
