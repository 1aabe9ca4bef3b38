from __future__ import annotations

from types import SimpleNamespace

import pytest
from mmengine.config import Config
from torch import nn

from rs_da_mm.datasets import GIDDataset
from rs_da_mm.errors import InputError
from rs_da_mm.inference.segmentors.model_classes import class_count, decision_threshold, model_classes

META = {"classes": ("water", "field"), "palette": [[0, 0, 255], [0, 255, 0]]}


class Segmentor(nn.Module):
    def __init__(self, *heads):
        super().__init__()
        self.heads = heads

    @property
    def decode_head(self):
        return self.heads[0]


def head(channels, threshold=None):
    module = nn.Module()
    module.out_channels, module.threshold = channels, threshold
    return module


def test_one_output_channel_is_two_classes():
    assert class_count(Segmentor(head(7)), "a.pth") == 7
    assert class_count(Segmentor(head(1, 0.3)), "a.pth") == 2
    assert decision_threshold(Segmentor(head(1, 0.3))) == 0.3
    assert decision_threshold(Segmentor(head(2, 0.3))) is None


def test_of_several_heads_the_last_one_decides():
    assert class_count(Segmentor(nn.ModuleList([head(3), head(5)])), "a.pth") == 5


def test_a_model_without_a_head_is_told():
    with pytest.raises(InputError, match=r"a\.pth: its model, a Linear"):
        class_count(nn.Linear(1, 1), "a.pth")


def test_the_checkpoint_is_asked_first_then_the_data_sets():
    found = model_classes(META, 2, "a.pth", Config(dict(train_dataloader=dict(dataset=dict(metainfo=dict(classes="ab"))))))
    assert found.names == ("water", "field")
    assert found.palette == ((0, 0, 255), (0, 255, 0))
    config = Config(dict(test_dataloader=dict(dataset=dict(type="GIDDataset", metainfo={}))))
    found = model_classes(None, 6, "a.pth", config, "mmseg")
    assert found.names == tuple(GIDDataset.METAINFO["classes"])
    assert found.palette == tuple(map(tuple, GIDDataset.METAINFO["palette"]))
    config.test_dataloader.dataset.metainfo = dict(classes=["a", "b", "c", "d", "e", "f"])
    assert model_classes({}, 6, "a.pth", config, "mmseg").names == ("a", "b", "c", "d", "e", "f")


def test_another_number_of_classes_in_the_checkpoint_is_refused():
    with pytest.raises(InputError, match=r"a\.pth: was trained on 2 classes \(water, field\), and the model has 3"):
        model_classes(META, 3, "a.pth", None)


@pytest.mark.parametrize("meta", [None, {}, {"classes": 3}, {"classes": []}, SimpleNamespace()])
@pytest.mark.usefixtures("fresh_mmengine")
def test_classes_that_nobody_names_are_numbered_with_a_warning(meta, capsys):
    config = Config(dict(test_dataloader=dict(dataset=dict(type="GIDDataset"))))
    found = model_classes(meta, 3, "a.pth", config, "mmseg")
    assert found.names == ("class_0", "class_1", "class_2")
    assert len(set(found.palette)) == 3
    assert "WARNING - a.pth: neither the checkpoint" in capsys.readouterr().out
