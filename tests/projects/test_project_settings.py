"""Numbers that a project begins with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.projects.images import FoundScene, ImageFacts
from rs_da_mm.projects.request import ProjectRequest
from rs_da_mm.projects.settings import split_attempts, training_settings, window_sizes
from rs_da_mm.raster import PixelSize


def request(**options):
    return ProjectRequest(("images",), "labels", Path("out"), **options)


def scenes(count, height, width, placed=True, **groups):
    crs, size = ("EPSG:32632", PixelSize(10.0, 10.0, "metre")) if placed else (None, None)
    facts = ImageFacts(height, width, 3, "uint8", (None,) * 3, None, crs, placed, size, None)
    return [FoundScene(str(number), (Path("a.tif"),), facts, {}, groups) for number in range(count)]


def statistics(windows, *shares):
    return SimpleNamespace(windows=windows, classes=[SimpleNamespace(name=str(i), share=share) for i, share in enumerate(shares)])


@pytest.mark.parametrize(
    ("there", "first"),
    [
        (scenes(1, 7200, 6800), 256),
        (scenes(40, 300, 300), 256),
        (scenes(500, 224, 224), 128),
        (scenes(1, 400, 875), 128),  # 2 x 4 windows of 256 are too few
        (scenes(100, 50, 80), 32),
    ],
)
def test_windows_are_as_large_as_images_allow(there, first):
    assert window_sizes(request(), there)[0] == first
    assert window_sizes(request(window=96), there) == [96]


def test_splits_go_from_the_most_honest_to_the_one_that_flatters():
    def kinds(there, **options):
        return [split["type"] for split in split_attempts(request(**options), there, 256)]

    assert kinds(scenes(9, 512, 512)) == ["ground", "ground", "ground", "blocked", "random"]
    assert kinds(scenes(9, 512, 512, placed=False)) == ["blocked"] * 4 + ["random"]
    assert kinds(scenes(2, 512, 512, placed=False), split="scene") == ["blocked"]
    assert kinds(scenes(9, 512, 512), split="random") == ["random"]
    (group,) = split_attempts(request(split="group:city", gap=50.0, seed=3), scenes(9, 512, 512, city="bern"), 256)
    assert (group["by"], group["gap"], group["seed"]) == ("city", 50.0, 3)
    blocks = [split.get("block") for split in split_attempts(request(split="ground"), scenes(9, 512, 512), 256)]
    assert blocks == [None, 2 * 2560.0, 2560.0]
    for wrong in ("blocks", "group"):
        with pytest.raises(InputError, match="--split"):
            kinds(scenes(9, 512, 512), split=wrong)


def test_batch_and_schedule():
    chosen = training_settings(request(), statistics(1000, 0.5, 0.5), 256)
    assert (chosen.batch_size, chosen.steps, chosen.epochs, chosen.exponent) == (8, 125, 24, 0.0)
    assert chosen.samples_per_epoch == 1000
    few = training_settings(request(model="segformer"), statistics(10, 0.96, 0.04), 128)
    assert (few.batch_size, few.steps, few.epochs, few.exponent, few.rare) == (10, 50, 60, 0.5, ("1",))
    assert few.rate < chosen.rate
    asked = training_settings(request(batch_size=4, iterations=30), statistics(1000, 1.0), 256)
    assert (asked.steps, asked.epochs) == (30, 1)
    long = training_settings(request(batch_size=4, iterations=1001), statistics(1000, 1.0), 256)
    assert (long.steps, long.epochs) == (250, 5)
    for options in ({"epochs": 0}, {"epochs": 1, "iterations": 2}, {"batch_size": -1}):
        with pytest.raises(InputError):
            training_settings(request(**options), statistics(10, 1.0), 64)
