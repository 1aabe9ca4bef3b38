from __future__ import annotations

import numpy as np

from rs_da_mm.datasets.class_weights import inverse_root_weights, median_frequency_weights

# Two windows of 100 labelled pixels; the third class is only in the second, the fourth in none.
COUNTS = np.array([[80, 20, 0, 0], [50, 40, 10, 0]])


def test_median_frequency_counts_only_windows_with_the_class():
    # Shares: 130/200, 60/200, 10/100; their median is 0.3.
    np.testing.assert_allclose(median_frequency_weights(COUNTS), [0.3 / 0.65, 1.0, 3.0, 0.0])


def test_inverse_root_weights_are_1_on_average_over_classes_that_occur():
    weights = inverse_root_weights(COUNTS)
    np.testing.assert_allclose(weights[:3] / weights[0], np.sqrt([1, 130 / 60, 13]))
    np.testing.assert_allclose(weights[:3].mean(), 1)
    assert weights[3] == 0


def test_without_labelled_pixels_all_weights_are_0():
    assert not median_frequency_weights(np.zeros((2, 3), dtype=np.int64)).any()
    assert not inverse_root_weights(np.zeros((2, 3), dtype=np.int64)).any()
