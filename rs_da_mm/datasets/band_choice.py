"""Bands by number or by name."""

from __future__ import annotations

from collections.abc import Sequence

from rs_da_mm.datasets.headers import SceneHeader
from rs_da_mm.datasets.window_scheme import PlacedScene
from rs_da_mm.errors import DatasetError


def choose_bands(
    bands: Sequence[int | str] | None, names: Sequence[str], header: SceneHeader
) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    """Turn a choice of bands into numbers.

    Args:
        bands: Numbers counted from 1 over all bands, alpha included; or names in any case; ``None`` chooses all image bands.
        names: What the data set calls its bands. Names of another number of bands than there are do not count; the files' own do.
        header: What a scene's files say.

    Returns:
        Numbers, or ``None`` for all image bands; and the names of the chosen ones.

    Raises:
        DatasetError: When there is no such band.
    """
    if bands is None:
        own = names if len(names) == header.bands else header.descriptions
        return None, tuple(name or f"band {number}" for number, name in enumerate(own, 1))
    if not bands:
        raise DatasetError("bands is empty; name at least one, or leave it out to take them all.")
    every = names if len(names) == len(header.all_descriptions) else header.all_descriptions
    numbers = tuple(_number(band, every) for band in bands)
    return numbers, tuple(every[number - 1] or f"band {number}" for number in numbers)


def _number(band: int | str, names: Sequence[str | None]) -> int:
    known = [(name or "").casefold() for name in names]
    number = known.index(band.casefold()) + 1 if isinstance(band, str) and band.casefold() in known else band
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= len(known):
        listed = ", ".join(f"{place} ({name or 'no name'})" for place, name in enumerate(names, 1))
        raise DatasetError(f"There is no band {band!r}; the bands are {listed}.")
    return number


def require_alike(scenes: Sequence[PlacedScene]) -> None:
    """Refuse scenes that differ in bands or dtype: they cannot be batched, nor normalised alike.

    Raises:
        DatasetError: Naming the first scene that differs.
    """
    first = scenes[0]
    for scene in scenes[1:]:
        if (scene.header.bands, scene.header.dtype) != (first.header.bands, first.header.dtype):
            raise DatasetError(
                f"{scene.files.images[0]} has {scene.header.bands} bands of {scene.header.dtype}, and {first.files.images[0]} "
                f"{first.header.bands} of {first.header.dtype}; scenes of one data set must be alike. Convert it, or leave it "
                "out: scenes=[…]."
            )


def require_same_order(scenes: Sequence[PlacedScene]) -> None:
    """Refuse scenes whose files name their bands, and name other ones or in another order.

    Raises:
        DatasetError: Naming two scenes that differ, and where.
    """
    named = [scene for scene in scenes if all(scene.header.descriptions)]
    for scene in named[1:]:
        difference = order_difference(named[0].header, scene.header)
        if difference is not None:
            raise DatasetError(
                f"{scene.files.images[0]} has {difference} in {named[0].files.images[0]}. Put its bands in one order, leave it "
                "out (scenes=[…]), or say that the order is the same whatever the files call it: band_names=[…]."
            )


def order_difference(one: SceneHeader, other: SceneHeader) -> str | None:
    """Say how the bands of one scene differ from another's by their names, as part of a sentence; ``None`` where they do not."""
    names = [[(name or "").casefold() for name in header.descriptions] for header in (one, other)]
    pairs = zip(*names, strict=False)
    place = next((place for place, (first, second) in enumerate(pairs, 1) if first != second), None)
    if place is None:
        return None
    return f"'{other.descriptions[place - 1]}' as band {place}, which is '{one.descriptions[place - 1]}'"
