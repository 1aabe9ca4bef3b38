from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rs_da_mm.datasets.samples.noise import named_generator
from rs_da_mm.datasets.samples.sensor import PMS1, PMS2, Sensor

IDEAL = Sensor(("red",), 10, (1000.0,), (20.0,), 0.0, 0.0)


def expose(scene, sensor=IDEAL, seed=0):
    return sensor.expose(np.asarray(scene, np.float32)[..., None], named_generator(seed, "sensor"))[..., 0]


def test_a_number_is_gain_times_reflectance_plus_offset():
    assert (expose(np.full((6, 8), 0.25)) == 270).all()
    assert expose(np.full((6, 8), 0.25)).shape == (3, 4)


@pytest.mark.parametrize("column", [4, 5])
def test_a_pixel_on_a_border_is_mixed_by_area(column):
    scene = np.full((4, 12), 0.1)
    scene[:, column:] = 0.3
    numbers = expose(scene)[0]
    # Drawn column 5 is the second half of the sensor's pixel 2, which is therefore half one side and half the other.
    expected = [120, 120, 320, 320, 320, 320] if column == 4 else [120, 120, 220, 320, 320, 320]
    assert numbers.tolist() == expected


def test_the_point_spread_function_keeps_the_sum():
    scene = np.zeros((40, 40))
    scene[20:22, 20:22] = 0.5
    sharp, soft = expose(scene), expose(scene, replace(IDEAL, psf=1.0))
    assert soft.max() < sharp.max()
    assert (soft.astype(int) - 20).sum() == pytest.approx((sharp.astype(int) - 20).sum(), rel=0.1)
    row = soft[10].astype(float) - 20
    centre = (row * np.arange(20)).sum() / row.sum()
    assert centre == pytest.approx(10, abs=0.05)


def test_noise_has_its_standard_deviation():
    numbers = expose(np.full((400, 400), 0.25), replace(IDEAL, noise=4.0))
    assert numbers.std() == pytest.approx(np.hypot(4.0, 12**-0.5), rel=0.02)
    assert numbers.mean() == pytest.approx(270, abs=0.1)
    assert np.array_equal(numbers, expose(np.full((400, 400), 0.25), replace(IDEAL, noise=4.0)))
    assert not np.array_equal(numbers, expose(np.full((400, 400), 0.25), replace(IDEAL, noise=4.0), seed=1))


def test_numbers_fit_the_bits_and_leave_0_for_no_data():
    assert expose(np.full((2, 2), 9.0)).item() == 1023
    assert expose(np.full((2, 2), 9.0), replace(IDEAL, bits=12)).item() == 4095
    assert expose(np.zeros((2, 2)), replace(IDEAL, offset=(0.0,))).item() == 1


def test_the_view_is_linear_up_to_white():
    numbers = np.array([[20, 120, 220, 420, 900]], np.uint16)[..., None]
    assert IDEAL.to_8_bit(numbers, white=0.4)[0, :, 0].tolist() == [1, 64, 128, 255, 255]


def test_the_two_sensors_see_one_scene_differently():
    scene = named_generator(0, "scene").uniform(0.05, 0.3, (200, 200, 4)).astype(np.float32)
    one, two = (sensor.expose(scene, named_generator(0, "n")).astype(float) for sensor in (PMS1, PMS2))
    assert two[..., 0].mean() > 1.05 * one[..., 0].mean()
    assert two[..., 3].mean() < 0.95 * one[..., 3].mean()
    assert two[..., 1].std() < one[..., 1].std()  # softer
