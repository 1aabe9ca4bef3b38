from __future__ import annotations

import cv2
import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.visualization import draw_panel, save_panels

PALETTE = [(250, 10, 20), (20, 240, 30), (30, 40, 230)]
CLASSES = ("built-up", "meadow", "water")


def _sample(size: int = 50, bands: int = 3, dtype: str = "uint8") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    image = generator.integers(0, 200, (size, size, bands)).astype(dtype)
    return image, generator.integers(0, 2, (size, size)), generator.integers(0, 3, (size, size))


def _count(panel: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((panel == np.array(colour, np.uint8)).all(axis=2).sum())


def test_labels_are_drawn_pixel_by_pixel():
    image, label, prediction = _sample()
    panel = draw_panel(image, label, prediction, CLASSES, PALETTE)
    zoom = 8  # 400 dots for 50 pixels
    for index in range(3):
        pixels = np.count_nonzero(label == index) + np.count_nonzero(prediction == index)
        # A frame covers the outermost dots, and the legend adds a patch.
        assert _count(panel, PALETTE[index]) == pytest.approx(pixels * zoom**2, rel=0.03)


def test_the_image_is_drawn_in_its_own_colours():
    image = np.full((40, 40, 3), (12, 34, 56), np.uint8)
    assert 396**2 <= _count(draw_panel(image), (12, 34, 56)) <= 400**2  # less the frame


@pytest.mark.parametrize(("bands", "dtype"), [(1, "uint8"), (2, "uint16"), (3, "float32"), (4, "int32"), (12, "uint16")])
def test_any_image(bands, dtype):
    panel = draw_panel(*_sample(20, bands, dtype), title="a title", errors=True)
    assert panel.dtype == np.uint8
    assert panel.ndim == 3
    assert panel.shape[2] == 3
    assert panel.shape[1] > 4 * 400


def test_as_the_training_hook_calls_it_without_classes():
    image, label, prediction = _sample()
    label[0, 0] = 255
    assert draw_panel(image, None, prediction, None, None).shape[1] < draw_panel(image, label, prediction, None, None).shape[1]


def test_legend_grows_by_what_occurs():
    image, label, _ = _sample(40)
    plain = draw_panel(image)
    few = draw_panel(image, label, classes=CLASSES, palette=PALETTE)
    many = draw_panel(image, np.arange(1600).reshape(40, 40) % 30)
    assert plain.shape[0] < few.shape[0] < many.shape[0]
    assert _count(few, PALETTE[2]) == 0  # water does not occur


def test_sizes_must_fit():
    image, label, prediction = _sample()
    with pytest.raises(InputError, match=r"prediction of shape \(49, 50\)"):
        draw_panel(image, label, prediction[1:])
    with pytest.raises(InputError, match="valid"):
        draw_panel(image, valid=np.ones((3, 3)))


def test_nothing_valid_and_nothing_labelled():
    image, label, prediction = _sample(20, 4, "uint16")
    panel = draw_panel(image, np.full_like(label, 255), prediction, valid=np.zeros((20, 20)), errors=True)
    assert panel.shape[1] > 1600


@pytest.mark.parametrize("shape", [(30, 200), (200, 30), (900, 1100), (1, 1)])
def test_odd_shapes(shape):
    image = np.zeros((*shape, 3), np.uint8)
    panel = draw_panel(image, np.zeros(shape, np.uint8), title="long " * 10)
    assert max(panel.shape[:2]) < 2200


def test_png_holds_the_panels_below_one_another(tmp_path):
    panels = [draw_panel(*_sample(20)[:count], title=str(count)) for count in (1, 2)]
    save_panels(panels, tmp_path / "new" / "a.png")
    read = cv2.imread(str(tmp_path / "new" / "a.png"))[..., ::-1]
    first, second = panels
    np.testing.assert_array_equal(read[: first.shape[0], : first.shape[1]], first)
    np.testing.assert_array_equal(read[first.shape[0] :], second)
    assert (read[: first.shape[0], first.shape[1] :] == 255).all()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]
