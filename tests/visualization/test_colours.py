from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.visualization import choose_bands, natural_colours, paint_errors, paint_labels
from rs_da_mm.visualization.colours import RIGHT, WRONG, default_palette

PALETTE = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def _grey(colours: np.ndarray) -> np.ndarray:
    return (colours[..., 0] == colours[..., 1]) & (colours[..., 1] == colours[..., 2])


@pytest.mark.parametrize(
    ("count", "names", "wanted", "expected"),
    [
        (1, None, None, [0]),
        (2, None, None, [0]),
        (3, None, None, [0, 1, 2]),
        (4, ("NIR", "Red", "Green", "Blue"), None, [1, 2, 3]),
        (4, ("B", "G", "R", "NIR"), None, [2, 1, 0]),
        (3, ("NIR", "red", "green"), None, [0, 1, 2]),
        (4, ("NIR", None, "G", "B"), None, [0, 1, 2]),
        (6, None, [4, 3, 2], [3, 2, 1]),
        (3, ("NIR", "red", "green"), ["Green", "nir", 2], [2, 0, 1]),
    ],
)
def test_choice_of_bands(count, names, wanted, expected):
    assert choose_bands(count, names, wanted) == expected


@pytest.mark.parametrize("wanted", [[0], [5], ["SWIR"]])
def test_band_that_is_not_there(wanted):
    with pytest.raises(InputError, match="the image has 4 bands named nir"):
        choose_bands(4, ("NIR", "Red", "Green", "Blue"), wanted)


def test_8_bit_is_shown_as_it_is():
    image = np.random.default_rng(0).integers(0, 255, (5, 6, 3)).astype(np.uint8)
    np.testing.assert_array_equal(natural_colours(image), image)
    np.testing.assert_array_equal(natural_colours(image, bands=[2, 1, 0]), image[..., ::-1])


@pytest.mark.parametrize("dtype", ["uint16", "int32", "float32"])
def test_all_else_is_stretched_over_valid_pixels(dtype):
    image = np.random.default_rng(0).integers(1000, 3000, (50, 50, 4)).astype(dtype)
    valid = np.ones((50, 50), np.uint8)
    valid[:5] = 0
    image[:5] = 30_000
    shown = natural_colours(image, valid, bands=[3, 2, 1])
    for place, band in enumerate([3, 2, 1]):
        low, high = np.percentile(image[5:, :, band], (2, 98))
        expected = 255 * np.clip((image[5:, :, band] - low) / (high - low), 0, 1)
        np.testing.assert_allclose(shown[5:, :, place], expected, atol=0.5 + 1e-6)
    assert _grey(shown[:5]).all()
    assert len(np.unique(shown[:5])) == 2  # the hatching


def test_limits_one_band_and_what_is_no_number():
    image = np.array([[[0.0], [5.0], [10.0], [np.nan]]], np.float32)
    shown = natural_colours(image, limits=[(0, 10)])
    assert shown[0, :3].tolist() == [[0] * 3, [128] * 3, [255] * 3]
    assert shown[0, 3].tolist() in ([172] * 3, [214] * 3)


def test_labels_in_their_colours_and_the_rest_hatched():
    label = np.random.default_rng(0).choice([0, 1, 2, 255], (40, 40)).astype(np.uint8)
    painted = paint_labels(label, PALETTE)
    for index, colour in enumerate(PALETTE):
        assert (painted[label == index] == colour).all()
    assert _grey(painted[label == 255]).all()


def test_errors():
    label = np.array([[0, 1, 255]])
    painted = paint_errors(label, np.array([[0, 2, 2]]))
    assert painted[0, 0].tolist() == list(RIGHT)
    assert painted[0, 1].tolist() == list(WRONG)
    assert _grey(painted[0, 2:]).all()


def test_made_up_colours_differ():
    colours = default_palette(16)
    distances = [np.abs(np.subtract(a, b)).sum() for i, a in enumerate(colours) for b in colours[:i]]
    assert min(distances) > 30
    assert all(0 <= value <= 255 for colour in colours for value in colour)
