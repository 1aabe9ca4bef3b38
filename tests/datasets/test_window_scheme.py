from __future__ import annotations

from pathlib import Path

import pytest

from rs_da_mm.datasets.headers import SceneHeader
from rs_da_mm.datasets.layout import SceneFiles
from rs_da_mm.datasets.window_scheme import WindowScheme
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window

SCENE = SceneFiles("a", (Path("a.tif"),), Path("a_label.tif"))


def header(height, width):
    return SceneHeader(height, width, 3, "uint8", (None,) * 3, (None,) * 3)


def test_a_gid_scene_has_728_windows():
    assert len(WindowScheme.parse(256, None, "drop").grid(SCENE, header(7200, 6800))) == 28 * 26 == 728


def test_whole_images_are_one_window():
    scheme = WindowScheme.parse("whole", None, "drop")
    assert scheme.grid(SCENE, header(5, 9)) == [Window(0, 0, 5, 9)]
    assert scheme.parameters() == {"window_size": None, "stride": None, "edge": "drop"}


def test_numbers_and_pairs_are_understood():
    scheme = WindowScheme.parse([4, 6], 2, "pad")
    assert (scheme.size, scheme.stride, scheme.steps) == ((4, 6), (2, 2), (2, 2))
    assert WindowScheme.parse(4, None, "drop").steps == (4, 4)


@pytest.mark.parametrize(
    ("size", "stride", "edge", "said"),
    [
        (0, None, "drop", "window_size is 0"),
        ((1, 2, 3), None, "drop", "window_size is"),
        (2.5, None, "drop", "window_size is 2.5"),
        (None, None, "drop", "window_size is None"),
        (True, None, "drop", "window_size is True"),
        (8, -1, "drop", "stride is -1"),
        ("whole", 4, "drop", "stride is 4 without a window_size"),
        (8, None, "crop", "edge is 'crop'; it can be 'drop', 'pad', 'shift'"),
    ],
)
def test_what_makes_no_sense_is_refused(size, stride, edge, said):
    with pytest.raises(DatasetError, match=said):
        WindowScheme.parse(size, stride, edge)


def test_a_window_that_does_not_fit_names_the_file():
    with pytest.raises(DatasetError, match=r"a\.tif: .*8"):
        WindowScheme.parse(8, None, "shift").grid(SCENE, header(5, 9))
