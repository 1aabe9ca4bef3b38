"""Bars with error bars."""

from __future__ import annotations

import cv2
import pytest

from rs_da_mm.studies.bars import COLOURS, draw_bars


@pytest.fixture
def results(make_results):
    values = {("A", None, "test", seed): {"mIoU": 70.0 + seed} for seed in (0, 1)}
    values |= {("B & <C>", None, "test", 0): {"mIoU": 72.0}, ("D", None, "test", 0): "needs", ("D", None, "test", 1): "needs"}
    return make_results(
        values, {"D": "the weights"}, metrics=[{"name": "mIoU", "title": "mIoU (%)"}], seeds=[0, 1], miniature=True
    )


def test_bars_are_drawn_as_png_and_svg(results, tmp_path):
    paths = draw_bars(results, tmp_path)
    assert [path.name for path in paths] == ["bars.png", "bars.svg"]
    image = cv2.imread(str(paths[0]))
    assert image.shape[1] > 400
    blue = tuple(int(COLOURS[0][place : place + 2], 16) for place in (5, 3, 1))  # cv2 has blue first
    assert (image == blue).all(axis=2).sum() > 500
    svg = paths[1].read_text(encoding="utf-8")
    for text in ("mIoU (%) ↑", "70.50 ± 0.71", "needs the weights", "B &amp; &lt;C&gt;", "72.00*", "synthetic miniature"):
        assert text in svg, text


def test_the_same_numbers_give_the_same_svg(results, tmp_path):
    first = draw_bars(results, tmp_path)[1].read_bytes()
    assert draw_bars(results, tmp_path)[1].read_bytes() == first


def test_nothing_is_drawn_of_nothing(make_results, tmp_path):
    empty = make_results({("A", None, "test", 0): "missing"}, metrics=["mIoU"])
    assert draw_bars(empty, tmp_path) == []


def test_negative_values_and_more_methods_than_colours(make_results, tmp_path):
    values = {(f"M{index}", None, "test", 0): {"d": index - 5.0} for index in range(10)}
    assert len(draw_bars(make_results(values, metrics=["d"]), tmp_path)) == 2
