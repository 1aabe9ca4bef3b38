from __future__ import annotations

import json

import pytest
import torch
from mmengine.config import Config
from mmseg.models.data_preprocessor import SegDataPreProcessor
from torch import nn

from rs_da_mm.engine.checkpoints.published import Bands
from rs_da_mm.inference.segmentors.trained_on import TrainedOn, file_order_normalisation, trained_on_checkpoint
from rs_da_mm.models.preprocessor import RSDataPreprocessor
from rs_da_mm.raster import PixelSize

CONFIG = Config(dict(model=dict(backbone=dict(in_channels=5))))
SIZE = {"width": 0.5, "height": 0.6, "unit": "metre", "range": [0.4, 0.7]}
BANDS = {"choice": None, "names": ["a", "b"], "count": 2, "dtype": "uint8"}


def meta(*records):
    return {"run_record": {"datasets": {"train": list(records)}}}


def test_the_first_record_that_knows_counts():
    found = trained_on_checkpoint(meta({"bands": None}, {"bands": BANDS, "pixel_size": SIZE}), CONFIG, (None, None))
    assert found == TrainedOn(
        bands=Bands(2, ("a", "b"), None, "uint8"),
        pixel_size=PixelSize(0.5, 0.6, "metre"),
        pixel_size_range=(0.4, 0.7),
        dtype="uint8",
        miniature=False,
    )
    assert trained_on_checkpoint(meta({"miniature": False}, {"miniature": True}), CONFIG, (None, None)).miniature is True


def test_the_scale_is_the_configs_and_is_reported():
    known = trained_on_checkpoint(None, Config(dict(model={}, train_dataloader=dict(dataset=dict(scale=0.5)))), (None, None))
    assert known.report()["scale"] == {"scale": 0.5, "offset": 0.0}
    assert TrainedOn().report()["scale"] is None
    json.dumps(known.report())


@pytest.mark.parametrize(
    "content",
    [
        None,
        3,
        {},
        {"run_record": 3},
        {"run_record": {"datasets": []}},
        meta(3),
        meta({"bands": 3, "pixel_size": [1]}),
        meta({"bands": {}}),
    ],
)
def test_without_a_record_the_config_tells_the_bands_and_nothing_else_is_known(content):
    found = trained_on_checkpoint(content, CONFIG, ((1.0,), (2.0,)))
    assert found.bands == Bands(5, (), None, None)
    assert (found.pixel_size, found.pixel_size_range, found.dtype) == (None, None, None)
    assert (found.mean, found.std) == ((1.0,), (2.0,))
    assert json.loads(json.dumps(found.report()))["bands"]["count"] == 5


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("order", [None, (2, 1, 0)])
def test_the_normalisation_is_given_in_the_order_of_the_file(swap, order):
    preprocessor = SegDataPreProcessor(mean=[1.0, 2.0, 3.0], std=[4.0, 5.0, 6.0], bgr_to_rgb=swap)
    # What reaches the first mean is the file's first band, unless it was swapped an odd number of times.
    expected = ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    if swap != (order is not None):
        expected = tuple(values[::-1] for values in expected)
    assert file_order_normalisation(preprocessor, order) == expected


def test_four_bands_are_swapped_by_the_loader_alone():
    preprocessor = nn.Identity()  # OneDL's takes three bands only
    preprocessor.channel_conversion = True
    preprocessor.mean, preprocessor.std = torch.arange(1.0, 5.0).view(-1, 1, 1), torch.arange(5.0, 9.0).view(-1, 1, 1)
    assert file_order_normalisation(preprocessor, (2, 1, 0, 3)) == ((3.0, 2.0, 1.0, 4.0), (7.0, 6.0, 5.0, 8.0))
    assert file_order_normalisation(preprocessor, None) == ((1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0))


def test_one_value_for_all_bands_and_none_at_all():
    assert file_order_normalisation(RSDataPreprocessor(mean=3.0, std=2.0), (2, 1, 0)) == ((3.0,), (2.0,))
    assert file_order_normalisation(nn.Identity(), None) == (None, None)
