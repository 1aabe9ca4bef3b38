"""QGIS styles: a map and its polygons in their classes' colours, with their names in the legend."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

from rs_da_mm.files import atomic_write_text
from rs_da_mm.inference.outputs.classes import Colour, MapClasses

_HEAD = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.22.0"


def raster_style(classes: MapClasses) -> str:
    """Make the style of a map.

    Args:
        classes: The classes.

    Returns:
        The text of a ``.qml`` file. QGIS takes one that has the map's name and lies beside it for its own.
    """
    root = _root()
    pipe = ElementTree.SubElement(root, "pipe")
    renderer = ElementTree.SubElement(
        pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1", nodataColor=""
    )
    ElementTree.SubElement(renderer, "rasterTransparency")
    palette = ElementTree.SubElement(renderer, "colorPalette")
    for value, (name, colour) in enumerate(zip(classes.names, classes.palette, strict=True)):
        hexadecimal = "#{:02x}{:02x}{:02x}".format(*colour)
        ElementTree.SubElement(palette, "paletteEntry", value=str(value), label=name, color=hexadecimal, alpha="255")
    ElementTree.SubElement(pipe, "rasterresampler", maxOversampling="2")
    ElementTree.SubElement(root, "blendMode").text = "0"
    return _text(root)


def polygon_style(classes: MapClasses, attribute: str = "class") -> str:
    """Make the style of a map's polygons.

    Args:
        classes: The classes.
        attribute: The polygons' attribute that holds the class number.

    Returns:
        The text of a QGIS style.
    """
    root = _root()
    renderer = ElementTree.SubElement(
        root, "renderer-v2", type="categorizedSymbol", attr=attribute, symbollevels="0", forceraster="0", enableorderby="0"
    )
    categories = ElementTree.SubElement(renderer, "categories")
    symbols = ElementTree.SubElement(renderer, "symbols")
    for value, (name, colour) in enumerate(zip(classes.names, classes.palette, strict=True)):
        number = str(value)
        ElementTree.SubElement(categories, "category", value=number, type="long", label=name, symbol=number, render="true")
        _add_fill(symbols, number, colour)
    return _text(root)


def write_raster_style(map_path: str | Path, classes: MapClasses) -> Path:
    """Write a map's style beside it.

    Args:
        map_path: The map.
        classes: Its classes.

    Returns:
        The file that was written: the map's name with ``.qml``.
    """
    path = Path(map_path).with_suffix(".qml")
    atomic_write_text(path, raster_style(classes))
    return path


def _root() -> ElementTree.Element:
    return ElementTree.Element("qgis", version=_VERSION, styleCategories="AllStyleCategories")


def _add_fill(symbols: ElementTree.Element, name: str, colour: Colour) -> None:
    """A plain fill without an outline: neighbours of pixel size would be all outline."""
    symbol = ElementTree.SubElement(symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = ElementTree.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
    options = ElementTree.SubElement(layer, "Option", type="Map")
    for key, value in (("color", "{},{},{},255".format(*colour)), ("style", "solid"), ("outline_style", "no")):
        ElementTree.SubElement(options, "Option", type="QString", name=key, value=value)


def _text(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return _HEAD + ElementTree.tostring(root, encoding="unicode") + "\n"
