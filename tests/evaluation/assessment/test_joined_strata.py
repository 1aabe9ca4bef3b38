from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment.joined_strata import joined_strata, summed


@pytest.mark.parametrize(
    ("units", "sizes", "expected"),
    [
        ([5, 6, 2], [1, 1, 1], [0, 1, 2]),
        ([5, 1, 1], [1, 1, 1], [0, 1, 1]),
        ([5, 0, 9], [1, 1, 1], [0, 0, 1]),
        ([5, 0, 9, 1, 1], [1, 1, 1, 1, 1], [0, 1, 2, 1, 1]),
        ([5, 0, 9], [1, 0, 1], [0, 1, 2]),
        ([1, 1], [1, 1], [0, 0]),
    ],
)
def test_thin_classes_become_one(units, sizes, expected):
    found = joined_strata(np.array(units), np.array(sizes, float))
    assert found.tolist() == expected
    assert summed(np.array(sizes, float), found).sum() == sum(sizes)


def test_nothing_can_be_told_from_one_unit():
    with pytest.raises(InputError, match="1 sample units lie on the map; 2 are the least"):
        joined_strata(np.array([1, 0]), np.ones(2))
