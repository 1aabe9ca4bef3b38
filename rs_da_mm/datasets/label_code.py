"""How a data set writes its classes into label files: by colour, by number, or by palette."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import DatasetError

IGNORED = 255
"""The class index of pixels that belong to no class: losses and metrics leave them out."""

_UNKNOWN = 254  # marks what the tables do not know, so classes end at 253
_SHOWN = 5

Colour = tuple[int, int, int]
Code = tuple[tuple[Any, int], ...]


class UnknownLabel(NamedTuple):
    """A colour or value that the legend does not have.

    Attributes:
        label: The colour ``(red, green, blue)``, or the value.
        pixels: How many pixels have it.
        row: Row of its first pixel, in reading order.
        col: Column of its first pixel.
    """

    label: Colour | int
    pixels: int
    row: int
    col: int

    def __str__(self) -> str:
        kind = "colour" if isinstance(self.label, tuple) else "value"
        return f"{kind} {self.label} on {self.pixels} pixels, the first at row {self.row}, column {self.col}"


class LabelCode:
    """The legend of a data set's label files.

    Small, hashable and quick to pickle: the table that looks colours up (16 MiB) is made once per process, at the first use.

    Args:
        colours: Class index (0 to 253, or 255 for ignored) of each colour ``(red, green, blue)``, for labels of three bands and
            for palettes. ``None`` when the data set has no colours.
        values: Class index of each value of a label with one band. ``None`` when the data set has no such labels.

    Raises:
        DatasetError: When both are missing, or a class index is out of range.
    """

    def __init__(self, colours: Mapping[Colour, int] | None = None, values: Mapping[int, int] | None = None) -> None:
        self._colours: Code = tuple(sorted((_colour(colour), int(index)) for colour, index in (colours or {}).items()))
        self._values: Code = tuple(sorted((int(value), int(c)) for value, c in (values or {}).items()))
        if not self._colours and not self._values:
            raise DatasetError("The label code has neither colours nor values; give the class index of each.")
        for key, index in self._colours + self._values:
            if index != IGNORED and not 0 <= index < _UNKNOWN:
                raise DatasetError(f"The label code gives {key} the class {index}; a class is 0 to 253, or 255 for ignored.")

    @property
    def colours(self) -> dict[Colour, int]:
        """Class index of each colour; empty when there are none."""
        return dict(self._colours)

    @property
    def values(self) -> dict[int, int]:
        """Class index of each value; empty when there are none."""
        return dict(self._values)

    def renumbered(self, classes: Mapping[int, int]) -> LabelCode:
        """Give the classes other numbers, as when a config names some of them in an order of its own.

        Args:
            classes: New index of each old one; a class that is not there is ignored from now on.

        Returns:
            The new code.
        """
        return LabelCode(
            {colour: classes.get(index, IGNORED) for colour, index in self._colours},
            {value: classes.get(index, IGNORED) for value, index in self._values},
        )

    def decode(
        self,
        raw: NDArray[Any],
        where: str,
        *,
        colormap: Mapping[int, tuple[int, ...]] | None = None,
        origin: tuple[int, int] = (0, 0),
    ) -> NDArray[np.uint8]:
        """Turn what a label file holds into class indices.

        Args:
            raw: ``(H, W, 3)`` uint8 colours, or ``(H, W)`` or ``(H, W, 1)`` integer values, as read from the file.
            where: Names the file, and the window, in errors.
            colormap: The file's palette, when it has one: colour of each value. If every colour in it belongs to the legend, the
                values stand for their colours; otherwise it is only for show, and the values stand for themselves.
            origin: Row and column of the scene at which ``raw`` begins, for the places named in errors.

        Returns:
            ``(H, W)`` class indices, 255 ignored.

        Raises:
            DatasetError: When a colour or value is not in the legend (it names them and where they are), or the label has a form
                that the legend has no answer for.
        """
        labels = self._look_up(raw, where, colormap)
        if (labels == _UNKNOWN).any():
            found = self.find_unknown(raw, where, colormap=colormap, origin=origin)
            raise DatasetError(f"{where}: {describe_unknown(found)} {self.legend()}")
        return labels

    def find_unknown(
        self,
        raw: NDArray[Any],
        where: str,
        *,
        colormap: Mapping[int, tuple[int, ...]] | None = None,
        origin: tuple[int, int] = (0, 0),
    ) -> list[UnknownLabel]:
        """List the colours or values that the legend does not have.

        Args:
            raw: As for :meth:`decode`.
            where: As for :meth:`decode`.
            colormap: As for :meth:`decode`.
            origin: As for :meth:`decode`.

        Returns:
            Each of them once, the most frequent first.

        Raises:
            DatasetError: When the label has a form that the legend has no answer for.
        """
        unknown = self._look_up(raw, where, colormap) == _UNKNOWN
        rows, cols = np.nonzero(unknown)
        keys = raw.reshape(*raw.shape[:2], -1)[rows, cols]
        labels, first, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
        found = [
            UnknownLabel(self._name(label), int(count), int(rows[at]) + origin[0], int(cols[at]) + origin[1])
            for label, at, count in zip(labels, first, counts, strict=True)
        ]
        return sorted(found, key=lambda one: (-one.pixels, one.row, one.col))

    def legend(self) -> str:
        """Say which colours and values there are, and what to do about others."""
        known = [str(colour) for colour, _ in self._colours] + [str(value) for value, _ in self._values]
        return f"The legend has {', '.join(known)}: mend the label file, or give the data set label_colours or label_values."

    def _look_up(self, raw: NDArray[Any], where: str, colormap: Mapping[int, tuple[int, ...]] | None) -> NDArray[np.uint8]:
        bands = raw.shape[2] if raw.ndim == 3 else 1
        if bands == 3 and self._colours:
            return self._from_colours(raw, where)
        if bands == 1:
            code = self._code_of(colormap)
            if code:
                return _from_values(raw.reshape(raw.shape[:2]), code, where)
        wanted = ["three bands of colour"] * bool(self._colours) + ["one band of values"] * bool(self._values)
        found = f"{bands} bands" if bands > 1 else "one band and no palette with the legend's colours"
        raise DatasetError(f"{where}: the label has {found}; this data set's labels have {' or '.join(wanted)}. {self.legend()}")

    def _from_colours(self, raw: NDArray[Any], where: str) -> NDArray[np.uint8]:
        if raw.dtype != np.uint8:
            raise DatasetError(f"{where}: label colours must be 8 bit (uint8), found {raw.dtype}.")
        packed = raw[..., 0].astype(np.int32)
        for band in (1, 2):
            packed <<= 8
            packed |= raw[..., band]
        return _colour_table(self._colours).take(packed)

    def _code_of(self, colormap: Mapping[int, tuple[int, ...]] | None) -> Code:
        """What the values of a one-band file stand for: their colours, or themselves."""
        known = dict(self._colours)
        palette = {value: tuple(colour[:3]) for value, colour in (colormap or {}).items()}
        # GDAL fills palettes up to 256 entries with black.
        colours = set(palette.values()) - {(0, 0, 0)}
        if not colours or not colours <= set(known):
            return self._values
        return tuple((value, known[colour]) for value, colour in sorted(palette.items()) if colour in known)

    @staticmethod
    def _name(label: NDArray[Any]) -> Colour | int:
        return int(label[0]) if len(label) == 1 else (int(label[0]), int(label[1]), int(label[2]))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelCode) and (self._colours, self._values) == (other._colours, other._values)

    def __hash__(self) -> int:
        return hash((self._colours, self._values))

    def __repr__(self) -> str:
        return f"LabelCode(colours={self.colours}, values={self.values})"


def _colour(value: Any) -> Colour:
    red, green, blue = (int(band) for band in value)
    if not all(0 <= band <= 255 for band in (red, green, blue)):
        raise DatasetError(f"The label code has the colour {tuple(value)}; its bands must be 0 to 255.")
    return red, green, blue


def describe_unknown(found: list[UnknownLabel]) -> str:
    """Name the labels that a legend does not have, the first few of them."""
    rest = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"unknown label {'; '.join(map(str, found[:_SHOWN]))}{rest}."


def _from_values(raw: NDArray[Any], code: Code, where: str) -> NDArray[np.uint8]:
    if raw.dtype.kind not in "iu":
        raise DatasetError(f"{where}: label values must be whole numbers, found {raw.dtype}.")
    lowest, table = _value_table(code)
    # One place beyond the table stands for everything outside it, so it holds 'unknown'.
    place = raw.astype(np.int64) - lowest
    return table.take(np.where((place >= 0) & (place < len(table)), place, len(table) - 1))


@lru_cache(maxsize=8)
def _colour_table(code: Code) -> NDArray[np.uint8]:
    """Class of each of the 2^24 colours: looking it up takes a third of the time of a sorted search."""
    table = np.full(1 << 24, _UNKNOWN, dtype=np.uint8)
    for (red, green, blue), index in code:
        table[red << 16 | green << 8 | blue] = index
    return table


@lru_cache(maxsize=64)
def _value_table(code: Code) -> tuple[int, NDArray[np.uint8]]:
    """The lowest value, and the class of each value from there on; one more place at the end for all others."""
    lowest, highest = code[0][0], code[-1][0]
    if highest - lowest > 1 << 16:
        raise DatasetError(f"Label values from {lowest} to {highest} are too far apart; at most 65536 are looked up.")
    table = np.full(highest - lowest + 2, _UNKNOWN, dtype=np.uint8)
    for value, index in code:
        table[value - lowest] = index
    return lowest, table
