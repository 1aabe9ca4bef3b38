"""How a data set writes its classes into label files: by colour, by number, or by palette."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.label_tables import UNKNOWN, Code, byte_table, classes_of_colours, classes_of_values
from rs_da_mm.errors import DatasetError

IGNORED = 255
"""The class index of pixels that belong to no class: losses and metrics leave them out."""

_SHOWN = 5

Colour = tuple[int, int, int]


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
        names: Class index of each text that an attribute of shapes can hold. ``None`` when the labels are no shapes.
        ignores_others: Whether colours, values and names that are not there are ignored; by default they are errors.
        told_by: The argument of the data set that the legend comes from, for errors.

    Raises:
        DatasetError: When all are missing, or a class index is out of range.
    """

    def __init__(
        self,
        colours: Mapping[Colour, int] | None = None,
        values: Mapping[int, int] | None = None,
        names: Mapping[str, int] | None = None,
        ignores_others: bool = False,
        told_by: str = "label_colours or label_values",
    ) -> None:
        self._colours: Code = tuple(sorted((_colour(colour), int(index)) for colour, index in (colours or {}).items()))
        self._values: Code = tuple(sorted((int(value), int(c)) for value, c in (values or {}).items()))
        self._names: Code = tuple(sorted((str(name), int(index)) for name, index in (names or {}).items()))
        self.ignores_others = ignores_others
        self._told_by = told_by
        if not self._colours and not self._values and not self._names:
            raise DatasetError("The label code has neither colours nor values; give the class index of each.")
        for key, index in self._colours + self._values + self._names:
            if index != IGNORED and not 0 <= index < UNKNOWN:
                raise DatasetError(f"The label code gives {key} the class {index}; a class is 0 to 253, or 255 for ignored.")

    @property
    def colours(self) -> dict[Colour, int]:
        """Class index of each colour; empty when there are none."""
        return dict(self._colours)

    @property
    def values(self) -> dict[int, int]:
        """Class index of each value; empty when there are none."""
        return dict(self._values)

    @property
    def names(self) -> dict[str, int]:
        """Class index of each text of an attribute; empty when there are none."""
        return dict(self._names)

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
            {name: classes.get(index, IGNORED) for name, index in self._names},
            self.ignores_others,
            self._told_by,
        )

    def decode(
        self,
        raw: NDArray[Any],
        where: str,
        *,
        colormap: Mapping[int, tuple[int, ...]] | None = None,
        origin: tuple[int, int] = (0, 0),
        valid: NDArray[np.uint8] | None = None,
    ) -> NDArray[np.uint8]:
        """Turn what a label file holds into class indices.

        Args:
            raw: ``(H, W, 3)`` uint8 colours, or ``(H, W)`` or ``(H, W, 1)`` integer values, as read from the file.
            where: Names the file, and the window, in errors.
            colormap: The file's palette, when it has one: colour of each value. If most of its colours belong to the legend, or
                the legend has nothing but colours, the values stand for their colours; otherwise it is only for show, and the
                values stand for themselves.
            origin: Row and column of the scene at which ``raw`` begins, for the places named in errors.
            valid: ``(H, W)``, 0 where the label holds no data: ignored, whatever stands there. Without it, data is everywhere.

        Returns:
            ``(H, W)`` class indices, 255 ignored.

        Raises:
            DatasetError: When a colour or value is not in the legend (it names them and where they are), or the label has a form
                that the legend has no answer for.
        """
        labels = self._look_up(raw, where, colormap, valid)
        if (labels == UNKNOWN).any():
            found = self.find_unknown(raw, where, colormap=colormap, origin=origin, valid=valid)
            raise DatasetError(f"{where}: {describe_unknown(found)} {self.legend()}")
        return labels

    def find_unknown(
        self,
        raw: NDArray[Any],
        where: str,
        *,
        colormap: Mapping[int, tuple[int, ...]] | None = None,
        origin: tuple[int, int] = (0, 0),
        valid: NDArray[np.uint8] | None = None,
    ) -> list[UnknownLabel]:
        """List the colours or values that the legend does not have.

        Args:
            raw: As for :meth:`decode`.
            where: As for :meth:`decode`.
            colormap: As for :meth:`decode`.
            origin: As for :meth:`decode`.
            valid: As for :meth:`decode`.

        Returns:
            Each of them once, the most frequent first.

        Raises:
            DatasetError: When the label has a form that the legend has no answer for.
        """
        unknown = self._look_up(raw, where, colormap, valid) == UNKNOWN
        rows, cols = np.nonzero(unknown)
        keys = raw.reshape(*raw.shape[:2], -1)[rows, cols]
        labels, first, counts = np.unique(keys, axis=0, return_index=True, return_counts=True)
        palette = {} if self._code_of(colormap) is self._values else _palette(colormap)
        found = [
            UnknownLabel(_name(label, palette), int(count), int(rows[at]) + origin[0], int(cols[at]) + origin[1])
            for label, at, count in zip(labels, first, counts, strict=True)
        ]
        return sorted(found, key=lambda one: (-one.pixels, one.row, one.col))

    def byte_table(self, colormap: Mapping[int, tuple[int, ...]] | None = None) -> NDArray[np.uint8] | None:
        """The class of each value that a label of one 8-bit band can hold.

        Args:
            colormap: As for :meth:`decode`.

        Returns:
            ``(256,)``, 254 where the legend does not tell; ``None`` where it has no answer for such labels.
        """
        code = self._code_of(colormap)
        if not code:
            return None
        table = byte_table(code)
        return np.where(table == UNKNOWN, np.uint8(IGNORED), table) if self.ignores_others else table

    def legend(self) -> str:
        """Say which colours and values there are, and what to do about others."""
        known = [*map(str, self.colours), *map(str, self.values), *map(repr, self.names)]
        return f"The legend has {', '.join(known)}: mend the label file, or give the data set {self._told_by}."

    def _look_up(
        self,
        raw: NDArray[Any],
        where: str,
        colormap: Mapping[int, tuple[int, ...]] | None,
        valid: NDArray[np.uint8] | None,
    ) -> NDArray[np.uint8]:
        """Class of each pixel, and 254 where the legend does not tell."""
        labels = self._look_up_all(raw, where, colormap)
        if valid is not None:
            labels[valid == 0] = IGNORED
        if self.ignores_others:
            labels[labels == UNKNOWN] = IGNORED
        return labels

    def _look_up_all(self, raw: NDArray[Any], where: str, colormap: Mapping[int, tuple[int, ...]] | None) -> NDArray[np.uint8]:
        bands = raw.shape[2] if raw.ndim == 3 else 1
        if bands == 3 and self._colours:
            return classes_of_colours(raw, self._colours, where)
        if bands == 1:
            code = self._code_of(colormap)
            if code:
                return classes_of_values(raw.reshape(raw.shape[:2]), code, where)
        wanted = ["three bands of colour"] * bool(self._colours) + ["one band of values"] * bool(self._values)
        found = f"{bands} bands" if bands > 1 else "one band and no palette with the legend's colours"
        named = " or ".join(wanted) or "shapes with names"
        raise DatasetError(f"{where}: the label has {found}; this data set's labels have {named}. {self.legend()}")

    def _code_of(self, colormap: Mapping[int, tuple[int, ...]] | None) -> Code:
        """What the values of a one-band file stand for: their colours, or themselves."""
        known = dict(self._colours)
        palette = _palette(colormap)
        # GDAL fills palettes up to 256 entries with black, and many a palette has an entry or two that no pixel uses.
        colours = set(palette.values()) - {(0, 0, 0)}
        shared = colours & set(known)
        if 2 * len(shared) <= len(colours) and (self._values or not shared):
            return self._values
        return tuple((value, known[colour]) for value, colour in sorted(palette.items()) if colour in known)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LabelCode) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        # Stored splits and statistics hold this text, so what is not there is not named.
        names = f", names={self.names}" if self._names else ""
        others = ", ignores_others=True" if self.ignores_others else ""
        return f"LabelCode(colours={self.colours}, values={self.values}{names}{others})"

    @property
    def _key(self) -> tuple[Code, Code, Code, bool]:
        return self._colours, self._values, self._names, self.ignores_others


def _palette(colormap: Mapping[int, tuple[int, ...]] | None) -> dict[int, Colour]:
    return {value: (colour[0], colour[1], colour[2]) for value, colour in (colormap or {}).items()}


def _name(label: NDArray[Any], palette: Mapping[int, Colour]) -> Colour | int:
    """A colour, or a value by its colour where it stands for that."""
    if len(label) == 1:
        return palette.get(int(label[0]), int(label[0]))
    return int(label[0]), int(label[1]), int(label[2])


def _colour(value: Any) -> Colour:
    red, green, blue = (int(band) for band in value)
    if not all(0 <= band <= 255 for band in (red, green, blue)):
        raise DatasetError(f"The label code has the colour {tuple(value)}; its bands must be 0 to 255.")
    return red, green, blue


def describe_unknown(found: list[UnknownLabel]) -> str:
    """Name the labels that a legend does not have, the first few of them."""
    rest = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"unknown label {'; '.join(map(str, found[:_SHOWN]))}{rest}."
