"""What the README says can be typed."""

from __future__ import annotations

import re
from pathlib import Path

import mmseg
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture
def scope(fresh_mmengine):
    init_default_scope("mmseg")


def test_the_drop_in_example_turns_a_config_of_mmseg_into_four_bands_of_16_bit(tmp_path, scope):
    (example,) = (block for block in blocks(ROOT / "README.md", "python") if "_base_" in block)
    assert len(example.splitlines()) <= 15
    stock = Path(mmseg.__file__).parent / ".mim" / "configs" / "_base_" / "models" / "fcn_unet_s5-d16.py"
    evaluation = """
model['test_cfg'] = dict(mode='whole')
val_evaluator = dict(type='IoUMetric', iou_metrics=['mIoU'])
test_evaluator = val_evaluator
"""
    theirs = stock.read_text() + evaluation
    (tmp_path / "my_config.py").write_text(theirs)
    (tmp_path / "dropped_in.py").write_text(example)
    config = Config.fromfile(tmp_path / "dropped_in.py")
    model = MODELS.build(config.model)

    image = torch.randint(0, 4000, (4, 32, 48), dtype=torch.int32)
    label = torch.randint(0, 6, (1, 32, 48))
    sample = SegDataSample(gt_sem_seg=PixelData(data=label))
    sample.set_metainfo({"img_shape": (32, 48), "ori_shape": (32, 48), "img_path": "scene.tif"})
    batch = model.data_preprocessor({"inputs": [image, image], "data_samples": [sample, sample.clone()]}, True)
    losses = model(**batch, mode="loss")
    assert torch.isfinite(losses["decode.loss_ce"])
    losses["decode.loss_ce"].backward()

    model.eval()
    with torch.no_grad():
        (predicted,) = model.test_step({"inputs": [image], "data_samples": [sample]})
    assert predicted.pred_sem_seg.data.shape == (1, 32, 48)
    assert config.val_evaluator == dict(type="LandCoverMetric")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_commands_name_files_that_exist(path):
    text = path.read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text)]
    for link in filter(None, links):
        assert (path.parent / link).exists(), f"{path.name} links to {link}"
    for named in re.findall(r"(?<![\w./-])((?:tools|configs)/[\w./-]+\.(?:py|sh))\b", text):
        assert (ROOT / named).exists(), f"{path.name} names {named}"
