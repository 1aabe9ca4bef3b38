from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmengine.structures import BaseDataElement, PixelData
from sklearn.metrics import confusion_matrix

from rs_da_mm.errors import InputError
from rs_da_mm.evaluation import LandCoverMetric, land_cover_scores
from rs_da_mm.registry import METRICS

META = {"classes": ("others", "built-up", "water"), "palette": [[0, 0, 0], [255, 0, 0], [0, 0, 255]]}


def sample(prediction, label=None, valid=None, **meta):
    """Make what a segmentor returns for one image."""
    made = BaseDataElement(metainfo={"img_path": "scene.tif", **meta})
    made.pred_sem_seg = PixelData(data=torch.as_tensor(prediction)[None])
    if label is not None:
        made.gt_sem_seg = PixelData(data=torch.as_tensor(label)[None])
    if valid is not None:
        made.valid_mask = PixelData(data=torch.as_tensor(valid)[None])
    return made


def evaluator(**options):
    built = Evaluator({"type": "LandCoverMetric", **options})
    built.dataset_meta = META
    return built


def evaluate(batches, size=None, **options):
    built = evaluator(**options)
    for batch in batches:
        built.process(batch)
    return built.evaluate(sum(map(len, batches)) if size is None else size)


def random_maps(count, seed=0, side=8):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, (count, side, side), dtype=np.uint8)
    return truth, np.where(rng.random(truth.shape) < 0.6, truth, rng.integers(0, 3, truth.shape)).astype(np.int64)


def test_it_is_built_by_name_and_returns_the_six_scores_of_the_whole_set():
    truth, predicted = random_maps(5)
    batches = [[sample(predicted[i], truth[i]) for i in part] for part in ([0, 1], [2, 3], [4])]
    expected = land_cover_scores(confusion_matrix(truth.ravel(), predicted.ravel(), labels=range(3)))
    assert evaluate(batches) == expected.summary()
    assert METRICS.get("LandCoverMetric") is LandCoverMetric


def test_padding_of_the_last_batch_is_cut_off():
    truth, predicted = random_maps(4)
    real = [sample(p, t) for p, t in zip(predicted, truth, strict=True)]
    wrong = sample((truth[0] + 1) % 3, truth[0])
    assert evaluate([real, [wrong]], size=4) == evaluate([real])


def test_ignored_and_invalid_pixels_do_not_count():
    label = [[0, 1], [255, 2]]
    scores = evaluate([[sample([[0, 1], [0, 0]], label, valid=[[1, 1], [1, 0]])]])
    assert scores["OA"] == 100


def test_a_sample_without_any_labelled_pixel_changes_nothing():
    truth, predicted = random_maps(2)
    samples = [sample(p, t) for p, t in zip(predicted, truth, strict=True)]
    blank = sample(predicted[0], np.full_like(truth[0], 255))
    assert evaluate([[*samples, blank]]) == evaluate([samples])


def test_a_set_without_any_labelled_pixel_is_an_error():
    with pytest.raises(InputError, match="none of the 1 samples has a labelled pixel"):
        evaluate([[sample([[0]], [[255]])]])


def test_a_label_out_of_range_names_file_and_window():
    with pytest.raises(InputError, match=r"scene\.tif, window at row 256, column 512: the label holds 9 \(1 pixels\)"):
        evaluate([[sample([[0]], [[9]], window=(256, 512, 1, 1))]])


def test_a_prediction_out_of_range_names_the_file():
    with pytest.raises(InputError, match=r"scene\.tif: the prediction holds 3"):
        evaluate([[sample([[3]], [[0]])]])


def test_a_missing_label_is_an_error_that_says_what_to_do():
    with pytest.raises(InputError, match="format_only=True"):
        evaluate([[sample([[0]])]])


def test_a_mask_of_another_shape_is_an_error():
    with pytest.raises(InputError, match=r"scene\.tif: the valid mask has shape \(1, 2\)"):
        evaluate([[sample([[0]], [[0]], valid=[[1, 1]])]])


def test_a_data_set_without_classes_is_an_error():
    with pytest.raises(InputError, match="names no classes"):
        Evaluator({"type": "LandCoverMetric"}).process([sample([[0]], [[0]])])


def test_per_class_scores_come_on_request_where_they_are_defined():
    scores = evaluate([[sample([[0, 1]], [[0, 0]])]], per_class=True)
    assert scores["IoU.others"] == 50
    assert scores["IoU.built-up"] == 0
    assert "Recall.built-up" not in scores
    assert "IoU.water" not in scores
    assert not any(math.isnan(value) for value in scores.values())


def test_a_prefix_is_put_before_every_name():
    assert "val/mIoU" in evaluate([[sample([[0]], [[0]])]], prefix="val")


def test_the_table_is_logged(tmp_path):
    log = tmp_path / "run.log"
    MMLogger.get_instance("table", log_file=str(log))
    evaluate([[sample([[0, 1]], [[0, 1]])]])
    text = log.read_text(encoding="utf-8")
    assert "| built-up" in text
    assert "left out of AA, mIoU and mF1: water" in text
    assert "prefix is not set" not in text


def test_a_report_is_written_on_request(tmp_path):
    evaluate([[sample([[0, 1]], [[0, 1]])]], report_dir=tmp_path)
    assert json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))["summary"]["OA"] == 100


def test_format_only_writes_predictions_and_needs_no_labels(tmp_path):
    assert evaluate([[sample([[0, 2]])]], format_only=True, output_dir=tmp_path) == {}
    assert (tmp_path / "scene.png").is_file()
    with pytest.raises(InputError, match="give output_dir"):
        evaluator(format_only=True)


RANK = """
import json, sys
import numpy as np, torch
from mmengine.evaluator import Evaluator
from mmengine.dataset import DefaultSampler
from torch import distributed
from torch.utils.data import DataLoader
import rs_da_mm.evaluation

rank, store, maps, out = int(sys.argv[1]), *sys.argv[2:]
torch.set_num_threads(1)
distributed.init_process_group("gloo", init_method="file://" + store, rank=rank, world_size=2)
data = np.load(maps)
found = {}
for device in ("cpu", "gpu"):
    for round_up in (True, False):
        metric = Evaluator(dict(type="LandCoverMetric", collect_device=device))
        metric.dataset_meta = dict(classes=("a", "b", "c"))
        sampler = DefaultSampler(range(7), shuffle=False, round_up=round_up)
        for batch in DataLoader(range(7), batch_size=3, sampler=sampler):
            maps_of = lambda name: [dict(data=torch.from_numpy(data[name][i])) for i in batch.tolist()]
            pairs = zip(maps_of("predicted"), maps_of("truth"))
            metric.process([dict(pred_sem_seg=p, gt_sem_seg=t) for p, t in pairs])
        found[f"{device} {round_up}"] = metric.evaluate(7)
with open(f"{out}/{rank}.json", "w") as file:
    json.dump(found, file)
distributed.destroy_process_group()
"""


def test_two_ranks_with_uneven_shards_give_the_scores_of_one(tmp_path):
    truth, predicted = random_maps(7, seed=1)
    np.savez(tmp_path / "maps.npz", truth=truth, predicted=predicted)
    (tmp_path / "rank.py").write_text(RANK, encoding="utf-8")
    command = [sys.executable, "rank.py"]
    tail = [(tmp_path / "store").as_posix(), "maps.npz", "."]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    ranks = [subprocess.Popen([*command, str(rank), *tail], cwd=tmp_path, env=env) for rank in range(2)]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]

    alone = evaluate([[sample(p, t) for p, t in zip(predicted, truth, strict=True)]])
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text(encoding="utf-8"))
        assert len(found) == 4
        for how, scores in found.items():
            assert scores == pytest.approx(alone, rel=1e-12), how
