from __future__ import annotations

import cv2
import numpy as np
import pytest

from rs_da_mm.inference.outputs import map_classes, save_preview
from rs_da_mm.inference.outputs.preview import spell_area
from rs_da_mm.raster import GroundSize

CLASSES = map_classes(["water", "land", "rock"], [(0, 0, 255), (255, 200, 0), (120, 0, 0)])


def preview(path, labels, **options):
    pixels = [int(np.count_nonzero(labels == number)) for number in range(3)]
    save_preview(path, labels, CLASSES, width=labels.shape[1], pixels=pixels, **options)
    return cv2.imread(str(path))[..., ::-1]


def box(picture, colour):
    """Height and width of the largest patch of a colour."""
    mask = (picture == colour).all(axis=2).astype(np.uint8)
    stats = cv2.connectedComponentsWithStats(mask)[2][1:]
    _, _, width, height, _ = stats[stats[:, cv2.CC_STAT_AREA].argmax()]
    return height, width


def test_the_map_fills_its_frame_in_the_colours_of_its_classes(tmp_path):
    labels = np.zeros((100, 140), np.uint8)
    labels[:, 70:] = 1
    picture = preview(tmp_path / "a.png", labels, title="a title", square_metres=[7e5, 7e5, 0.0])
    for colour in ((0, 0, 255), (255, 200, 0)):
        height, width = box(picture, colour)
        assert height / width == pytest.approx(100 / 70, rel=0.02)
    assert not (picture == (120, 0, 0)).all(axis=2).any()


def test_degrees_are_not_shown_stretched(tmp_path):
    """At 60° a pixel of a grid in degrees is twice as high as wide."""
    picture = preview(tmp_path / "a.png", np.zeros((100, 100), np.uint8), ground=GroundSize(5.0, 10.0, 50.0))
    height, width = box(picture, (0, 0, 255))
    assert height / width == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (400, 3)])
def test_odd_shapes(tmp_path, shape):
    assert preview(tmp_path / "a.png", np.zeros(shape, np.uint8)).ndim == 3


def test_a_map_without_data(tmp_path):
    picture = preview(tmp_path / "a.png", np.full((50, 50), 255, np.uint8))
    assert (picture == 242).all(axis=2).mean() > 0.4


def test_the_same_map_gives_the_same_bytes(tmp_path):
    labels = np.arange(9, dtype=np.uint8).reshape(3, 3) % 3
    preview(tmp_path / "a.png", labels)
    preview(tmp_path / "b.png", labels)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("area", "spelled"),
    [(0, "0 m²"), (4.2, "4.20 m²"), (9876, "9,876 m²"), (10_000, "1.00 ha"), (123_456, "12.3 ha"), (2.5e9, "2,500 km²")],
)
def test_areas_are_spelled(area, spelled):
    assert spell_area(area) == spelled
