"""Options of the command line that hold more than one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from rs_da_mm.datasets.image_scales import NAMED_SCALES
from rs_da_mm.datasets.quality_rules import QualityKind
from rs_da_mm.errors import InputError
from rs_da_mm.projects.images import absolute


def read_mask(text: str) -> tuple[dict[str, Any], str]:
    """Read ``KIND=PATH``.

    Args:
        text: ``scl=masks/{scene}_SCL.tif``, ``landsat_qa=…``, ``zero=…``; with what is invalid: ``values:3,8=…``, ``bits:0,4=…``.

    Returns:
        The rule as a config has it, and the path or pattern.

    Raises:
        InputError: When there is no such kind.
    """
    kind, equals, path = text.partition("=")
    kind, colon, numbers = kind.strip().partition(":")
    kinds = get_args(QualityKind)
    if not equals or not path.strip() or kind not in kinds:
        raise InputError(f"--masks {text}: give KIND=PATH, with one of {', '.join(kinds)}, as in scl=masks/{{scene}}_SCL.tif.")
    rule: dict[str, Any] = {"kind": kind}
    if colon:
        words = [word.strip() for word in numbers.split(",")]
        if not all(word.isdigit() for word in words):
            raise InputError(f"--masks {text}: after {kind}: come whole numbers, as in {kind}:3,8,9=PATH.")
        rule["invalid"] = [int(word) for word in words]
    elif kind in ("values", "bits"):
        raise InputError(f"--masks {text}: say which {kind} are invalid: {kind}:3,8=PATH.")
    return rule, path.strip()


def read_area(text: str) -> Any:
    """Read ``--area``: a vector file, or ``WEST,SOUTH,EAST,NORTH`` in the images' coordinate system."""
    numbers = _numbers(text)
    if numbers is not None:
        if len(numbers) != 4:
            raise InputError(f"--area {text}: give WEST,SOUTH,EAST,NORTH in the images' coordinate system, or a vector file.")
        return tuple(numbers)
    path = absolute(Path(text))
    if not path.exists():
        raise InputError(f"--area {text}: there is no such file.")
    return path.as_posix()


def read_scale(option: str, text: str | None) -> Any:
    """Read ``--scale`` or ``--offset``: a name, a number, or one per band."""
    if text is None or text in NAMED_SCALES:
        return text
    numbers = _numbers(text)
    if numbers is None:
        names = f", or one of {', '.join(NAMED_SCALES)}" if option == "--scale" else ""
        raise InputError(f"{option} {text}: give a number, or one per band parted by commas{names}.")
    return numbers[0] if len(numbers) == 1 else numbers


def _numbers(text: str) -> list[float] | None:
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        return None
