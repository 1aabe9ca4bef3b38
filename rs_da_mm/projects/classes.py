"""Which classes there are, what they are called, and which labels stand for them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rs_da_mm.errors import InputError
from rs_da_mm.projects.findings import Findings
from rs_da_mm.projects.label_content import Colour, LabelContent
from rs_da_mm.projects.label_shapes import ANY
from rs_da_mm.visualization.colours import default_palette

IGNORE = "ignore"
OTHER = "other"

_SAFE: tuple[Colour, ...] = (
    (51, 34, 136),
    (221, 204, 119),
    (17, 119, 51),
    (136, 204, 238),
    (204, 102, 119),
    (170, 68, 153),
    (68, 170, 153),
    (136, 34, 85),
    (153, 153, 51),
)
"""Colours that colour-blind people tell apart: Paul Tol, "Colour Schemes" (SRON/EPS/TN/09-002), scheme "muted"."""

_HEX = re.compile(r"#?([0-9a-fA-F]{6})")
_WHOLE = re.compile(r"[+-]?\d+")


@dataclass(frozen=True)
class ClassChoice:
    """The classes of a project.

    Attributes:
        names: Their names, class 0 first.
        palette: Their colours.
        codes: Each label's value, and the name of its class or ``'ignore'``.
        ignores_others: Whether labels that ``codes`` does not name are ignored.
    """

    names: tuple[str, ...]
    palette: tuple[Colour, ...]
    codes: tuple[tuple[Any, str], ...]
    ignores_others: bool = False


@dataclass
class _Wanted:
    """What ``--classes`` says.

    Attributes:
        names: Names alone, in their order.
        pairs: Code and class.
        colours: Colour of a class.
    """

    names: list[str] = field(default_factory=list)
    pairs: dict[str, str] = field(default_factory=dict)
    colours: dict[str, Colour] = field(default_factory=dict)


def choose_classes(
    text: str | None, content: LabelContent, findings: Findings, background: str | None = None
) -> ClassChoice | None:
    """Bring together what is asked for and what the labels hold.

    Args:
        text: ``--classes``: names in the order of the labels' values (``water,field,town``); codes with their classes
            (``1=water,2=field,7=ignore``, ``#e2a929=water``; several codes may stand for one class, ``other=ignore`` for all that
            are not named); or a CSV file with the columns ``code``, ``class`` and, if wanted, ``colour``. Without it the files'
            own names and values.
        content: What the labels hold.
        findings: Takes what is wrong.
        background: The class of pixels that no shape covers.

    Returns:
        The classes; ``None`` where there is a problem.
    """
    try:
        wanted = _read(text)
        codes, ignores_others = _codes(wanted, content, findings)
        names = list(dict.fromkeys(name for _, name in codes if name != IGNORE))
        if background is not None and background not in names:
            names.insert(0, background)
        if len(names) < 2:
            advice = (
                " With shapes of one class, --background NAME makes a class of what they do not cover."
                if content.kind == "shapes"
                else ""
            )
            raise InputError(
                f"The labels hold {content.spelled()}, which makes {'no class' if not names else f'one class, {names[0]}'}; "
                "there is "
                f"nothing to tell apart. At least two classes are needed.{advice}"
            )
    except InputError as error:
        findings.problems.append(str(error))
        return None
    return ClassChoice(tuple(names), _palette(names, codes, content, wanted), tuple(codes), ignores_others)


def _read(text: str | None) -> _Wanted:
    wanted = _Wanted()
    if text is None:
        return wanted
    if text.lower().endswith((".csv", ".txt", ".tsv")):
        _read_table(Path(text), wanted)
        return wanted
    for word in filter(None, map(str.strip, text.split(","))):
        code, equals, name = word.rpartition("=")
        if not equals:
            wanted.names.append(word)
        elif code.strip() and name.strip():
            wanted.pairs[code.strip()] = name.strip()
        else:
            raise InputError(f"--classes {word}: give a code and its class, as in 1=water.")
    if wanted.names and wanted.pairs:
        raise InputError(
            f"--classes: {wanted.names[0]} has no code, and others have. Give all of them codes (1=water,2=field), or none."
        )
    return wanted


def _read_table(path: Path, wanted: _Wanted) -> None:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--classes {path}: cannot be read: {error}.") from error
    head = text.partition("\n")[0]
    rows = list(csv.DictReader(text.splitlines(), delimiter=max(",;\t", key=head.count), skipinitialspace=True))
    if not rows or not {"code", "class"} <= set(rows[0]):
        raise InputError(f"--classes {path}: its first line must name the columns: code, class, and if wanted colour (#e2a929).")
    for row in rows:
        name = (row["class"] or "").strip()
        wanted.pairs[(row["code"] or "").strip()] = name
        found = _HEX.fullmatch((row.get("colour") or row.get("color") or "").strip())
        if found is not None:
            wanted.colours[name] = _rgb(found[1])


def _codes(wanted: _Wanted, content: LabelContent, findings: Findings) -> tuple[list[tuple[Any, str]], bool]:
    if wanted.pairs:
        return _given_codes(wanted, content, findings)
    if wanted.names:
        return _named_codes(wanted.names, content, findings)
    return [(value, _own_name(value, content)) for value in content.counts], False


def _given_codes(wanted: _Wanted, content: LabelContent, findings: Findings) -> tuple[list[tuple[Any, str]], bool]:
    pairs = {_code(code, content): name for code, name in wanted.pairs.items() if code != OTHER}
    others = wanted.pairs.get(OTHER)
    if others not in (None, IGNORE):
        raise InputError(f"--classes other={others}: labels that are not named can only be ignored (other=ignore).")
    absent = [str(code) for code in pairs if code not in content.counts and code not in content.nodata]
    if absent:
        findings.notes.append(f"--classes names {', '.join(absent)}, which the labels do not hold: {content.spelled()}.")
    missing = [value for value in content.counts if value not in pairs]
    if missing and others is None:
        left = ", ".join(f"{value} ({content.counts[value]:,} {content.unit})" for value in missing[:8])
        raise InputError(
            f"--classes does not say what these labels mean: {left}{', …' if len(missing) > 8 else ''}. Name them, as in "
            f"{missing[0]}=ignore, or add other=ignore."
        )
    return list(pairs.items()), others == IGNORE and bool(missing)


def _named_codes(names: list[str], content: LabelContent, findings: Findings) -> tuple[list[tuple[Any, str]], bool]:
    if content.kind == "colours":
        example = ",".join(f"{one}={name}" for one, name in zip(content.counts, names, strict=False))
        raise InputError(
            f"Colours have no order, so --classes must say which colour each class has. The labels hold {content.spelled()}: "
            f"--classes {example}"
        )
    spelled = {str(value): value for value in content.counts}
    if content.kind == "shapes" and all(name in spelled for name in names):
        rest = [value for value in spelled if value not in names]
        if rest:
            findings.notes.append(f"Shapes of {', '.join(rest)} are not among --classes, and are ignored.")
        return [(spelled[name], name) for name in names] + [(spelled[value], IGNORE) for value in rest], False
    values = list(content.counts)
    ignored: list[Any] = []
    while len(values) > len(names) and values and values[0 if values[0] == 0 else -1] in (0, 255):
        ignored.append(values.pop(0 if values[0] == 0 else -1))
    if len(values) != len(names):
        raise InputError(
            f"--classes names {len(names)} classes, and the labels hold {len(content.counts)} values: {content.spelled()}. Say "
            "which "
            f"is which: --classes {','.join(f'{value}={name}' for value, name in zip(values, names, strict=False))},…=ignore"
        )
    if ignored:
        findings.notes.append(
            f"Labels of {', '.join(map(str, ignored))} are taken for unlabelled, since --classes names {len(names)} classes."
        )
    return [*zip(values, names, strict=True), *((value, IGNORE) for value in ignored)], False


def _code(text: str, content: LabelContent) -> Any:
    """A code as the labels spell it."""
    if content.kind == "values":
        if not _WHOLE.fullmatch(text):
            raise InputError(f"--classes {text}=…: the labels hold values: {content.spelled()}.")
        return int(text)
    if content.kind == "colours":
        found = _HEX.fullmatch(text)
        if found is None:
            raise InputError(f"--classes {text}=…: the labels hold colours: {content.spelled()}.")
        return f"#{found[1].lower()}"
    return next((value for value in content.counts if str(value) == text), text)


def _own_name(value: Any, content: LabelContent) -> str:
    if value in content.names:
        return content.names[value]
    if content.kind == "colours":
        return f"colour_{value[1:]}"
    if content.kind == "values":
        return IGNORE if value == 255 else f"class_{value}"
    return "shape" if value == ANY else str(value)


def _palette(names: list[str], codes: list[tuple[Any, str]], content: LabelContent, wanted: _Wanted) -> tuple[Colour, ...]:
    """Colours as asked for, as the labels have them, else safe ones."""
    own = {name: content.colours[value] for value, name in reversed(codes) if value in content.colours} | wanted.colours
    spare = [*_SAFE] if len(names) <= len(_SAFE) else default_palette(len(names))
    free = [colour for colour in spare if colour not in own.values()]
    return tuple(own[name] if name in own else free.pop(0) for name in names)


def _rgb(spelled: str) -> Colour:
    return int(spelled[:2], 16), int(spelled[2:4], 16), int(spelled[4:6], 16)
