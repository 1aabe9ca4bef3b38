"""The classes of a map: their names and colours, as every output writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rs_da_mm.errors import InputError
from rs_da_mm.visualization.colours import default_palette

Colour = tuple[int, int, int]

_MOST = 255


@dataclass(frozen=True)
class MapClasses:
    """The classes of a map, class 0 first.

    Attributes:
        names: A name per class.
        palette: Red, green and blue (0–255) per class.
        nodata: The number of a pixel that has no class.
    """

    names: tuple[str, ...]
    palette: tuple[Colour, ...]
    nodata: int = 255

    def __len__(self) -> int:
        return len(self.names)


def map_classes(names: Sequence[str], palette: Sequence[Sequence[int]] | None = None) -> MapClasses:
    """Check names and colours, as a data set's or a checkpoint's ``dataset_meta`` gives them.

    Args:
        names: A name per class.
        palette: Red, green and blue (0–255) per class; made up when it is not given.

    Returns:
        The classes.

    Raises:
        InputError: When there are none or more than 255 of them, or the colours are not one per name.
    """
    if not 1 <= len(names) <= _MOST:
        raise InputError(f"a map of {len(names)} classes was asked for; 1 to {_MOST} fit its uint8 numbers (255 means no data).")
    colours = default_palette(len(names)) if palette is None else palette
    if len(colours) != len(names):
        raise InputError(f"{len(colours)} colours were given for {len(names)} classes; give one per class.")
    for name, colour in zip(names, colours, strict=True):
        if len(colour) != 3 or not all(0 <= int(part) <= 255 for part in colour):
            raise InputError(f"the colour of {name!r} is {tuple(colour)}; red, green and blue from 0 to 255 were expected.")
    return MapClasses(tuple(map(str, names)), tuple((int(red), int(green), int(blue)) for red, green, blue in colours))
