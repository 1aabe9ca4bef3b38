"""Which class of the map each value of a reference means."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.legend import Legend

IGNORE = "ignore"
_NAMED = 12


@dataclass(frozen=True)
class Matching:
    """Classes of map and reference together.

    Attributes:
        classes: Names: those of the map in its order, then those that only the reference has.
        meanings: Place among ``classes`` of each value of the reference; ``None`` where it is ignored.
    """

    classes: tuple[str, ...]
    meanings: Mapping[str, int | None]

    def spelled(self) -> str:
        """Say what was matched with what, where that is more than the same name; empty otherwise."""
        told = [
            f"{value} = {self.classes[place]}"
            for value, place in sorted(self.meanings.items(), key=lambda entry: (entry[1] is None, entry[1]))
            if place is not None and _plain(value) != _plain(self.classes[place])
        ]
        more = f", … ({len(told)} altogether)" if len(told) > _NAMED else ""
        return ", ".join(told[:_NAMED]) + more


def match_classes(
    path: Path,
    counts: Mapping[str, int],
    legend: Legend,
    codes: Mapping[str, str],
    extra: Sequence[str] = (),
    names: Mapping[str, str] | None = None,
) -> Matching:
    """Find the class of each value of a reference: as ``codes`` say, else by name, else by number.

    Args:
        path: The reference, for messages.
        counts: How often it has each value.
        legend: The classes of the map.
        codes: Value to the name or number of a class of the map, to one of ``extra``, or to ``'ignore'``.
        extra: Classes that only the reference has.
        names: The reference's own names of its values, where it has numbers and names.

    Returns:
        What each value means.

    Raises:
        InputError: When a value is no class, ``codes`` names a value that does not occur or a class that is not there, or two
            classes have one name.
    """
    own = names or {}
    classes = (*legend.names, *(name for name in extra if _plain(name) not in map(_plain, legend.names)))
    by_name = _places(path, classes)
    by_number = {str(value): place for place, value in enumerate(legend.values)}
    by_code = {_plain(value): target for value, target in codes.items()}
    _check_codes(path, codes, {_plain(value) for value in (*counts, *(own.get(value, value) for value in counts))})
    meanings: dict[str, int | None] = {}
    for value in counts:
        spellings = [_plain(own.get(value, value)), _plain(value)]
        target = next((by_code[spelling] for spelling in spellings if spelling in by_code), None)
        if target is not None and _plain(target) == IGNORE:
            meanings[value] = None
            continue
        sought = spellings if target is None else [_plain(target)]
        place = next((table[name] for table in (by_name, by_number) for name in sought if name in table), None)
        if place is not None:
            meanings[value] = place
        elif target is not None:
            raise InputError(f"--codes {value}={target}: the map has no class {target!r}; it has {_spelled(legend)}.")
    unknown = [value for value in counts if value not in meanings]
    if unknown:
        raise _unmatched(path, unknown, counts, legend, own)
    return Matching(classes, meanings)


def _check_codes(path: Path, codes: Mapping[str, str], present: set[str]) -> None:
    absent = [value for value in codes if _plain(value) not in present]
    if absent:
        raise InputError(f"--codes {absent[0]}={codes[absent[0]]}: {path} has no value {absent[0]!r}.")


def _unmatched(
    path: Path, unknown: Sequence[str], counts: Mapping[str, int], legend: Legend, own: Mapping[str, str]
) -> InputError:
    def spelled(value: str) -> str:
        return f"{own.get(value, value)!r} ({counts[value]})"

    first = own.get(unknown[0], unknown[0])
    near = difflib.get_close_matches(first, legend.names, 1)
    meant = near[0] if near else legend.names[0]
    listed = ", ".join(map(spelled, unknown[:_NAMED])) + (", …" if len(unknown) > _NAMED else "")
    return InputError(
        f"{path}: holds {listed}, which the map does not name; its classes are {_spelled(legend)}. Say what each means, as "
        f"--codes '{first}={meant}' or '{first}={IGNORE}', or with --extra-classes '{first}' that it is a class that only the "
        "reference has."
    )


def _places(path: Path, classes: Sequence[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, name in enumerate(classes):
        if _plain(name) in places:
            raise InputError(f"{path}: cannot be matched with the map, which has two classes of the name {name!r}.")
        places[_plain(name)] = place
    return places


def _spelled(legend: Legend) -> str:
    entries = [name if name == str(value) else f"{value} {name}" for value, name in zip(legend.values, legend.names, strict=True)]
    return ", ".join(entries)


def _plain(name: str) -> str:
    """A name without what people spell differently: case, blanks, hyphens and underscores."""
    return re.sub(r"[\s_-]+", " ", name.strip()).casefold() or name
