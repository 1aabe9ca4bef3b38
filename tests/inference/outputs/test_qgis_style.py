from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from rs_da_mm.inference.outputs import map_classes, polygon_style, raster_style, write_raster_style

CLASSES = map_classes(["Wiese & Feld", 'a "b" <c>'], [(1, 2, 255), (16, 0, 0)])


def test_the_style_of_a_map_names_and_colours_each_value():
    root = ElementTree.fromstring(raster_style(CLASSES))
    renderer = root.find("pipe/rasterrenderer")
    assert (root.tag, renderer.get("type"), renderer.get("band")) == ("qgis", "paletted", "1")
    entries = [(entry.get("value"), entry.get("label"), entry.get("color")) for entry in renderer.iter("paletteEntry")]
    assert entries == [("0", "Wiese & Feld", "#0102ff"), ("1", 'a "b" <c>', "#100000")]


def test_the_style_of_polygons_has_a_symbol_per_category():
    renderer = ElementTree.fromstring(polygon_style(CLASSES)).find("renderer-v2")
    assert (renderer.get("type"), renderer.get("attr")) == ("categorizedSymbol", "class")
    categories = {entry.get("value"): (entry.get("label"), entry.get("symbol")) for entry in renderer.iter("category")}
    assert categories == {"0": ("Wiese & Feld", "0"), "1": ('a "b" <c>', "1")}
    colours = {
        symbol.get("name"): symbol.find("layer/Option/Option[@name='color']").get("value") for symbol in renderer.iter("symbol")
    }
    assert colours == {"0": "1,2,255,255", "1": "16,0,0,255"}


def test_it_lies_beside_the_map(tmp_path):
    assert write_raster_style(tmp_path / "a.b.tif", CLASSES) == tmp_path / "a.b.qml"
    assert (tmp_path / "a.b.qml").read_text(encoding="utf-8") == raster_style(CLASSES)
