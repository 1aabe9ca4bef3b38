"""Test windows side by side."""

from __future__ import annotations

from typing import ClassVar

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset
from mmengine.structures import BaseDataElement, PixelData

from rs_da_mm.registry import DATASETS
from rs_da_mm.studies.panel_figure import draw_panels
from rs_da_mm.studies.panel_windows import ShownWindow

STUDY = """
title = 'Shown'
methods = [
    dict(name='A', config='a.py'),
    dict(name='B', config='a.py', overrides={'behaviour.fail': True}),
    dict(name='C', config='a.py'),
]
metrics = ['mIoU']
seeds = [0, 1]
"""
PALETTE = [(250, 0, 0), (0, 0, 250), (0, 250, 0)]


@pytest.fixture
def fields():
    """Seven images of 64 x 48 pixels in two scenes; the left half is class 0 and the right half class 1."""

    class Fields(BaseDataset):
        METAINFO: ClassVar = {"classes": ("wheat", "maize", "oats"), "palette": PALETTE}

        def __init__(self, window_size=None, offset=None, **more):
            super().__init__(**more)

        def load_data_list(self):
            return [{"number": index, "scene": "north" if index < 4 else "south"} for index in range(7)]

        def prepare_data(self, index):
            sample = BaseDataElement(metainfo={"img_path": f"field_{self.get_data_info(index)['number']}.png"})
            label = torch.zeros(1, 48, 64, dtype=torch.uint8)
            label[..., 32:] = 1
            label[..., :4, :4] = 255
            sample.gt_sem_seg = PixelData(data=label)
            return {"inputs": torch.full((3, 48, 64), 90, dtype=torch.uint8), "data_samples": sample}

    DATASETS.register_module(name="Fields", module=Fields, force=True)
    yield
    DATASETS._module_dict.pop("Fields")


def has_colour(image, colour, at_least):
    return (image == colour[::-1]).all(axis=2).sum() >= at_least


def test_a_study_draws_what_its_methods_made_of_a_few_windows(bench, fields, monkeypatch):
    bench.config("a.py")
    drawn = []
    monkeypatch.setattr("rs_da_mm.studies.command.draw_panels", lambda *words: drawn.append(words))
    study = bench.study(STUDY + "panels = dict(count=3, seed=1)\n")
    assert bench.run(study) == 1, "B fails"
    windows, methods, meta, title, subtitle, path = drawn[0]
    assert [window.name for window in windows] == ["field_1", "field_3", "field_5"]
    assert methods == ["A", "C"]
    assert meta["classes"] == ("wheat", "maize", "oats")
    assert (title, subtitle, path.name) == ("Shown", "test windows, evenly spread; seed 1", "panels.png")
    assert (windows[0].predictions["A"] == 1).all()
    assert windows[0].label[10, 10] == 0
    assert windows[0].image.shape == (48, 64, 3)
    folder = bench.root / "A/seed_1/train/tests/test_panel"
    assert len(list((folder / "predictions").iterdir())) == 3, "only the windows that are shown"
    assert not (bench.root / "A/seed_0/train/tests/test_panel").exists()
    # Other windows are predicted anew, without any other work.
    bench.study(STUDY + "panels = dict(count=1, seed=1, scenes='south')\n")
    assert bench.run(study) == 1
    assert [window.name for window in drawn[1][0]] == ["field_5"]
    assert bench.starts("A/seed_1/train") == ["|"]


def test_a_scene_that_is_not_there_is_told(bench, fields):
    bench.config("a.py")
    study = bench.study(STUDY + "panels = dict(count=1, scenes=['nroth'])\n")
    assert bench.run(study) == 1
    assert "names 'nroth', which the test data has not. Did you mean 'north'?" in " ".join(bench.reporter.events)


def test_the_figure_has_the_classes_colours(tmp_path):
    label = np.zeros((48, 64), np.uint8)
    label[:, 32:] = 1
    label[:4, :4] = 255
    image = np.full((48, 64, 4), 500, np.uint16)
    wide = ShownWindow("a_0_0", image, label, None, None, {"A": np.full((48, 64), 2), "a long name of a method": label})
    tall = ShownWindow("b" * 60, image.transpose(1, 0, 2)[:, :20], None, np.ones((64, 20)), None, {})
    meta = {"classes": ["wheat", "maize"], "palette": PALETTE[:2]}
    draw_panels([wide, tall], ["A", "a long name of a method"], meta, "Title", "below", tmp_path / "p.png")
    drawn = cv2.imread(str(tmp_path / "p.png"))
    # Five dots per pixel: 240 dots wide at the most. Label and one prediction show class 0 and 1, the other one class 2.
    assert has_colour(drawn, PALETTE[0], 2 * 4 * 4 * 32 * 44)
    assert has_colour(drawn, PALETTE[1], 2 * 4 * 4 * 32 * 44)
    assert drawn.shape[1] > 4 * 240
