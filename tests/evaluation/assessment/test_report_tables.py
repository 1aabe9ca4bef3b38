"""The tables and the JSON of the worked example of Olofsson et al. (2014)."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from rs_da_mm.evaluation.area_adjusted import stratified_estimates, whole_area
from rs_da_mm.evaluation.assessment import as_json, as_markdown, as_text
from rs_da_mm.evaluation.assessment.assessment import Assessment

COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
WEIGHTS = np.array([0.02, 0.015, 0.32, 0.645])


@pytest.fixture
def example():
    strata = np.zeros((4, 4, 4), int)
    strata[np.arange(4), np.arange(4)] = COUNTS
    return Assessment(
        map="change.tif",
        reference="points.gpkg",
        source="field 'class'",
        kind="point",
        units=640,
        design="stratified",
        strata=(),
        confidence=0.95,
        classes=("deforestation", "forest gain", "stable forest", "stable non-forest"),
        counts=COUNTS,
        per_class=COUNTS.sum(0),
        mapped=WEIGHTS,
        estimates=stratified_estimates(strata, WEIGHTS),
        total=9e9,
        is_area=True,
        left_out={"outside the map": 3, "without a class": 0},
        matched="1 = deforestation",
        notes=("A | note.",),
    )


def rows(text):
    return {
        cells[0]: cells[1:]
        for line in text.splitlines()
        if len(cells := [cell.strip() for cell in line.strip("| ").split("|")]) > 1
    }


def test_the_table_on_the_terminal(example):
    text = as_text(example)
    assert "map        change.tif: 4 classes, 900,000 ha (9,000 km²)" in text
    assert "reference  points.gpkg, field 'class': 640 points" in text
    assert "left out   3 outside the map\n" in text
    assert "matched    1 = deforestation" in text
    assert "design     stratified random sample; strata: the classes of the map" in text
    assert "Accuracy in %, ± at 95 % confidence; overall 94.65 ± 1.85" in text
    counts, shares, accuracy, areas = text.split("\n\n")[1:5]
    assert rows(counts)["stable forest"] == ["1", "0", "153", "11", "165"]
    assert rows(counts)["total"] == ["69", "56", "175", "340", "640"]
    assert rows(shares)["deforestation"] == ["1.76", "0.00", "0.13", "0.11", "2.00"]
    assert rows(accuracy)["forest gain"] == ["73.33 ± 10.08", "84.72 ± 25.44"]
    assert rows(areas)["deforestation"] == ["2.00", "2.35 ± 0.68", "18,000", "21,158 ± 6,158", "180.0", "211.6 ± 61.6"]
    assert rows(areas)["class"] == ["mapped %", "estimated %", "mapped ha", "estimated ha", "mapped km²", "estimated km²"]
    assert text.endswith("- A | note.")


def test_markdown(example):
    text = as_markdown(example)
    assert text.startswith("# Accuracy assessment\n\n- **map**: change.tif")
    assert "| deforestation | 2.00 | 2.35 ± 0.68 | 18,000 | 21,158 ± 6,158 | 180.0 | 211.6 ± 61.6 |" in text
    assert "- A \\| note.\n" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(tables) == 4
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1


def test_json_in_full_precision(example):
    found = json.loads(json.dumps(as_json(example)))
    assert found["overall_accuracy"]["estimate"] == example.estimates.overall
    first = found["classes"][0]
    assert first["area"]["estimate"] == pytest.approx(21_158e4, rel=1e-4)
    assert first["area"]["half_width"] == pytest.approx(1.959964 * first["area"]["standard_error"])
    assert first["users_accuracy"]["estimate"] == 0.88
    assert found["error_matrix"]["counts"] == COUNTS.tolist()
    assert np.sum(found["error_matrix"]["proportions"]) == pytest.approx(1)
    assert (found["area_unit"], found["confidence"], found["design"]) == ("m²", 0.95, "stratified")


def test_what_is_not_known_is_not_made_up(example):
    estimates = replace(
        example.estimates,
        users=np.array([math.nan, 0.5, 0.5, 0.5]),
        users_error=np.array([math.nan, math.nan, 0.1, 0.1]),
    )
    unknown = replace(example, estimates=estimates)
    accuracy = rows(as_text(unknown).split("\n\n")[3])
    assert accuracy["deforestation"][0] == "-"
    assert accuracy["forest gain"][0] == "50.00 ± ?"
    classes = as_json(unknown)["classes"]
    assert classes[0]["users_accuracy"] == {"estimate": None, "standard_error": None, "half_width": None}
    assert classes[1]["users_accuracy"] == {"estimate": 0.5, "standard_error": None, "half_width": None}


def test_a_comparison_of_everything_has_no_intervals(example):
    whole = replace(
        example, design="wall-to-wall", kind="pixel", estimates=whole_area(COUNTS), source="", is_area=False, total=640.0
    )
    text = as_text(whole)
    assert "±" not in text
    assert "design     every pixel that both have: no sample, no sampling error" in text
    assert "Error matrix, pixels" in text
    assert rows(text.split("\n\n")[4])["class"] == ["mapped %", "reference %", "mapped pixels", "reference pixels"]
    found = as_json(whole)
    assert found["confidence"] is None
    assert found["overall_accuracy"] == {"estimate": 587 / 640, "standard_error": None, "half_width": None}


def test_strata_and_pixels_of_polygons_are_told(example):
    assert "design     stratified random sample; 2 strata: a, b" in as_text(replace(example, strata=("a", "b")))
    polygons = as_text(replace(example, kind="polygon", design="polygons", per_class=np.array([5, 6, 7, 8])))
    assert "640 polygons with 640 pixels" in polygons
    assert rows(polygons.split("\n\n")[3])["forest gain"] == ["6", "73.33 ± 10.08", "84.72 ± 25.44"]
