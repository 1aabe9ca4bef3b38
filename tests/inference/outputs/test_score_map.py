from __future__ import annotations

import math

import numpy as np
import pytest
import rasterio
from scipy.stats import entropy

from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs import encode_scores, map_classes, open_score_map, open_uncertainty_map, uncertainty

CLASSES = map_classes(["a", "b", "c"])


def probabilities(seed=0, shape=(3, 40, 50)) -> np.ndarray:
    return np.moveaxis(np.random.default_rng(seed).dirichlet([0.3] * shape[0], shape[1:]), 2, 0).astype(np.float32)


def test_bytes_are_within_half_a_step():
    scores, covered = probabilities(), np.ones((40, 50), bool)
    covered[:3] = False
    stored = encode_scores(scores, covered)
    assert stored.dtype == np.uint8
    assert (stored[:, :3] == 255).all()
    assert np.abs(stored[:, 3:] / 250 - scores[:, 3:]).max() <= 0.002 + 1e-7


def test_half_floats_are_closer():
    scores, covered = probabilities(), np.ones((40, 50), bool)
    covered[:3] = False
    stored = encode_scores(scores, covered, "float16")
    assert stored.dtype == np.float16
    assert np.isnan(stored[:, :3]).all()
    assert np.abs(stored[:, 3:] - scores[:, 3:]).max() <= 0.00025


@pytest.mark.parametrize("measure", ["entropy", "least_confidence"])
def test_uncertainty_against_scipy(measure):
    scores, covered = probabilities(), np.ones((40, 50), bool)
    scores[:, 0, 0] = [1, 0, 0]
    scores[:, 0, 1] = 1 / 3
    covered[5] = False
    found = uncertainty(scores, covered, measure)
    expected = entropy(scores, axis=0) / math.log(3) if measure == "entropy" else 1 - scores.max(axis=0)
    assert (found[5] == 255).all()
    assert np.abs(found[covered] / 250 - expected[covered]).max() <= 0.002 + 1e-5
    assert found[0, 0] == 0
    assert found[0, 1] == (250 if measure == "entropy" else round(250 * 2 / 3))


def test_what_is_not_covered_may_hold_anything():
    scores = np.full((2, 1, 2), np.nan, np.float32)
    scores[:, 0, 0] = 0.5
    covered = np.array([[True, False]])
    assert encode_scores(scores, covered)[:, 0].tolist() == [[125, 255], [125, 255]]
    assert uncertainty(scores, covered).tolist() == [[250, 255]]


@pytest.mark.parametrize("value", [-3.0, 1.5, np.nan])
def test_scores_that_are_no_probabilities_are_refused(value):
    scores = probabilities()
    scores[1, 4, 5] = value
    for encode in (encode_scores, uncertainty):
        with pytest.raises(InputError, match=r"row 4, column 5 of a part are .*; probabilities from 0 to 1 were expected"):
            encode(scores, np.ones((40, 50), bool))


def test_unknown_names_are_refused():
    covered = np.ones((40, 50), bool)
    with pytest.raises(InputError, match="uint8 or float16, not as 'float32'"):
        encode_scores(probabilities(), covered, "float32")
    with pytest.raises(InputError, match="by entropy or least_confidence, not by 'margin'"):
        uncertainty(probabilities(), covered, "margin")
    with pytest.raises(InputError, match="one class alone"):
        uncertainty(np.ones((1, 40, 50), np.float32), covered)


@pytest.mark.parametrize("cog", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_the_files_give_probabilities_back(tmp_path, cog, dtype):
    scores, covered = probabilities(), np.ones((40, 50), bool)
    covered[:, :7] = False
    with open_score_map(tmp_path / "a.tif", 40, 50, CLASSES, dtype=dtype, cog=cog) as out:
        out.write(np.moveaxis(encode_scores(scores, covered, dtype), 0, 2))
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert dataset.descriptions == ("a", "b", "c")
        found = dataset.read(masked=True) * dataset.scales[0]
        np.testing.assert_array_equal(found.mask, np.broadcast_to(~covered, (3, 40, 50)))
        assert np.abs(found - scores).max() <= 0.0021


def test_the_uncertainty_file(tmp_path):
    values = uncertainty(probabilities(), np.ones((40, 50), bool))
    with open_uncertainty_map(tmp_path / "a.tif", 40, 50) as out:
        out.write(values)
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert (dataset.descriptions, dataset.scales, dataset.nodata) == (("uncertainty (entropy)",), (0.004,), 255)
        np.testing.assert_array_equal(dataset.read(1), values)
