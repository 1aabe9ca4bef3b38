from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.split_draws import WindowKey
from rs_da_mm.datasets.split_facts import SplitFacts, class_shares
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import window_grid


def test_the_group_of_each_scene():
    facts = SplitFacts(groups={"a": {"city": "rome", "year": "2020"}, "b": {"city": "zurich"}})
    assert facts.group_of("city", ["a", "b"]) == {"a": "rome", "b": "zurich"}
    with pytest.raises(DatasetError, match=r"goes by 'year', but scene 'b' .* \(there are 'city', 'year'\).*\{year\}/\{scene\}"):
        facts.group_of("year", ["a", "b"])
    with pytest.raises(DatasetError, match="the scenes have none"):
        SplitFacts().group_of("city", ["a"])


def test_what_is_not_known_of_classes_is_said():
    with pytest.raises(DatasetError, match="no split can be stratified"):
        SplitFacts().pixels()


def test_shares_are_of_the_labelled_pixels():
    windows = {"a": window_grid(8, 16, 8), "b": window_grid(8, 8, 8)}
    pixels = {"a": np.array([[3, 1], [0, 4]]), "b": np.array([[0, 0]])}
    parts = {"train": [WindowKey("a", 0, 0)], "val": [WindowKey("a", 0, 8), WindowKey("b", 0, 0)], "test": []}
    assert class_shares(windows, parts, pixels) == {"train": [0.75, 0.25], "val": [0.0, 1.0], "all": [0.375, 0.625]}
