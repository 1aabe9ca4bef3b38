from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.samples.noise import cell_hash, cell_random, crowns, fractal_noise, lit_slope, named_generator


def test_a_name_has_its_own_numbers_and_keeps_them():
    numbers = named_generator(3, "gid", "scene").random(5)
    assert np.array_equal(numbers, named_generator(3, "gid", "scene").random(5))
    for other in (named_generator(4, "gid", "scene"), named_generator(3, "gid", "scene2"), named_generator(3, "gidscene")):
        assert not np.isclose(other.random(5), numbers).any()


def test_numbers_of_a_name_do_not_depend_on_the_run():
    # SHA-256 of "a" begins ca978112; PCG64 and SeedSequence are fixed by NumPy's compatibility policy.
    words = np.frombuffer(bytes.fromhex("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"), "<u4").tolist()
    expected = np.random.Generator(np.random.PCG64(np.random.SeedSequence([0, *words]))).random(3)
    assert np.array_equal(named_generator(0, "a").random(3), expected)


@pytest.mark.parametrize("octaves", [1, 3])
def test_noise_is_standardised(octaves):
    noise = fractal_noise(named_generator(0, "n"), (120, 90), 12, octaves)
    assert noise.shape == (120, 90)
    assert noise.dtype == np.float32
    assert noise.mean() == pytest.approx(0, abs=1e-4)
    assert noise.std() == pytest.approx(1, abs=1e-4)


def test_noise_of_a_longer_period_is_smoother():
    steps = [np.abs(np.diff(fractal_noise(named_generator(0, "n"), (200, 200), period), axis=1)).mean() for period in (4, 16, 64)]
    # A slope is inversely proportional to the period.
    assert steps[0] / steps[1] == pytest.approx(4, rel=0.35)
    assert steps[1] / steps[2] == pytest.approx(4, rel=0.5)


def test_crowns_have_one_size():
    height = crowns(named_generator(0, "c"), (256, 256), 12)
    spectrum = np.abs(np.fft.rfft2(height)) ** 2
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None])
    mean = (spectrum * frequency).sum() / spectrum.sum()
    assert 0.5 / 12 < mean < 1.5 / 12


def test_the_side_towards_the_sun_is_lit():
    row, column = np.mgrid[-20:21, -20:21].astype(np.float32)
    hill = np.exp(-(row**2 + column**2) / 80)
    east = lit_slope(hill, azimuth=0.0)
    assert east[20, 30] > 0 > east[20, 10]
    assert np.allclose(lit_slope(hill, np.pi / 2), east.T, atol=1e-5)


def test_cell_numbers_are_uniform_and_independent_of_their_neighbours():
    i, j = np.meshgrid(np.arange(-150, 150), np.arange(300), indexing="ij")
    values = cell_random(i, j)
    assert values.min() >= 0
    assert values.max() < 1
    assert values.mean() == pytest.approx(0.5, abs=0.005)
    assert values.std() == pytest.approx(12**-0.5, abs=0.005)
    for a, b in ((values[1:], values[:-1]), (values[:, 1:], values[:, :-1]), (values, cell_random(i, j, 1))):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.02


def test_a_cells_number_depends_on_its_keys_only():
    many = cell_hash(np.arange(-5, 5), 7)
    assert np.array_equal(many, np.concatenate([cell_hash(np.array([i]), 7) for i in range(-5, 5)]))
    assert np.array_equal(many, cell_hash(np.arange(-5, 5), np.full(10, 7)))
    assert cell_hash(3, 4).shape == (1,)
