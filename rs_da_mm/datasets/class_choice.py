"""Some of a data set's classes, in an order of one's own, and the legend that gives them their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rs_da_mm.datasets.label_code import IGNORED, Colour, LabelCode
from rs_da_mm.errors import DatasetError


def choose_classes(own: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Find the classes that a config keeps, and their colours.

    Args:
        own: The data set's ``classes`` and ``palette``.
        wanted: The same after a config had its say: any of the classes in any order, and their palette or the data set's own.

    Returns:
        ``classes`` (tuple of names) and ``palette`` (list of colours).

    Raises:
        DatasetError: When there are no classes, one is unknown or named twice, or the palette is for another number of classes.
    """
    missing = [key for key in ("classes", "palette") if not own.get(key)]
    if missing:
        raise DatasetError(
            f"The data set has no {' and no '.join(missing)}; give metainfo=dict(classes=(…), palette=[(r, g, b), …])."
        )
    known, classes = list(own["classes"]), tuple(wanted["classes"])
    if not set(classes) <= set(known) or len(set(classes)) < len(classes):
        raise DatasetError(f"metainfo's classes are {list(classes)}; take each once from {known}.")
    palette = [tuple(colour) for colour in wanted["palette"]]
    if palette == [tuple(colour) for colour in own["palette"]]:
        palette = [palette[known.index(name)] for name in classes]
    if len(palette) != len(classes):
        raise DatasetError(f"metainfo's palette has {len(palette)} colours for {len(classes)} classes.")
    return {"classes": classes, "palette": palette}


def make_label_code(
    own: Mapping[str, Any],
    classes: Sequence[str],
    colours: Mapping[Colour, int] | Sequence[tuple[Colour, int]] | None,
    ignored: Sequence[Colour],
    values: Mapping[int, int] | None,
) -> LabelCode:
    """Make the legend of a data set's labels.

    Args:
        own: The data set's ``classes`` and ``palette``.
        classes: The classes that are kept, in their order; all others are ignored.
        colours: The data set's class of each colour, as a dict, or as pairs, since a config cannot well have tuples for keys. The
            palette when it is not given.
        ignored: Further colours, which stand for "unknown".
        values: The data set's class of each value of a label with one band.

    Returns:
        The legend.

    Raises:
        DatasetError: When a class index is out of range.
    """
    known = list(own["classes"])
    if colours is None:
        colours = [(colour, index) for index, colour in enumerate(own["palette"])]
    pairs = colours.items() if isinstance(colours, Mapping) else colours
    legend: dict[Any, int] = {tuple(colour): index for colour, index in pairs}
    code = LabelCode({**legend, **dict.fromkeys(ignored, IGNORED)}, values)
    return code.renumbered({known.index(name): index for index, name in enumerate(classes)})
