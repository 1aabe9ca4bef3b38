from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config

from rs_da_mm.engine import finish_ranks, launcher, prepare_ranks
from rs_da_mm.engine.launcher import prepare_run
from rs_da_mm.errors import InputError

ENVIRONMENT = {
    "RANK": "0",
    "LOCAL_RANK": "0",
    "WORLD_SIZE": "1",
    "LOCAL_WORLD_SIZE": "1",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29511",
}


@pytest.fixture
def as_rank(monkeypatch):
    """Pretend to be a rank that torchrun started, on a machine with the given device; no process group is made."""

    def become(device, **changes):
        monkeypatch.setattr(launcher, "get_device", lambda: device)
        monkeypatch.setattr(launcher.torch_dist, "init_process_group", lambda *args, **options: joined.append((args, options)))
        for name in (*ENVIRONMENT, "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {**ENVIRONMENT, **changes}.items():
            monkeypatch.setenv(name, value)
        return joined

    joined = []
    threads = torch.get_num_threads()
    yield become
    torch.set_num_threads(threads)


def test_without_a_launcher_nothing_changes():
    cfg = Config({"model": {"type": "Net"}})
    prepare_ranks("none", cfg)
    assert cfg.to_dict() == {"model": {"type": "Net"}, "launcher": "none"}


def test_a_process_that_torchrun_did_not_start_is_told_how(monkeypatch):
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="torchrun --nproc_per_node=N"):
        prepare_ranks("pytorch", Config())


def test_a_cpu_joins_gloo_with_the_configs_timeout_and_wraps_without_device_ids(as_rank):
    joined = as_rank("cpu")
    cfg = Config({"env_cfg": {"dist_cfg": {"backend": "nccl", "timeout": 90}}, "find_unused_parameters": True})
    prepare_ranks("pytorch", cfg)
    (((backend,), options),) = joined
    assert backend == cfg.env_cfg.dist_cfg.backend == "gloo"
    assert options["timeout"].total_seconds() == 90
    assert cfg.model_wrapper_cfg == {
        "type": "MMDistributedDataParallel",
        "device_ids": None,
        "broadcast_buffers": False,
        "find_unused_parameters": True,
    }


def test_a_wrapper_of_the_config_keeps_its_options(as_rank):
    as_rank("cpu")
    cfg = Config({"model_wrapper_cfg": {"type": "MMSeparateDistributedDataParallel", "find_unused_parameters": True}})
    prepare_ranks("pytorch", cfg)
    assert cfg.model_wrapper_cfg.type == "MMSeparateDistributedDataParallel"
    assert cfg.model_wrapper_cfg.find_unused_parameters
    assert cfg.model_wrapper_cfg.device_ids is None


def test_sharded_parameters_on_a_cpu_are_refused(as_rank):
    as_rank("cpu")
    with pytest.raises(InputError, match="MMFullyShardedDataParallel"):
        prepare_ranks("pytorch", Config({"model_wrapper_cfg": {"type": "MMFullyShardedDataParallel"}}))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"model": {"backbone": {"norm_cfg": {"type": "SyncBN"}}}}, "model.backbone.norm_cfg.type = 'SyncBN'"),
        ({"model": {"heads": [{}, {"norm_cfg": {"type": "SyncBN"}}]}}, "model.heads[1].norm_cfg.type = 'SyncBN'"),
        ({"sync_bn": "torch"}, "sync_bn = 'torch'"),
    ],
)
def test_synchronised_batch_norm_on_a_cpu_is_refused_by_key(as_rank, content, named):
    joined = as_rank("cpu")
    with pytest.raises(InputError) as error:
        prepare_ranks("pytorch", Config(content))
    assert str(error.value).startswith(named)
    assert not joined


def test_cores_are_shared_out(as_rank, monkeypatch):
    monkeypatch.setattr(launcher, "available_cores", lambda: 12)
    as_rank("cpu", LOCAL_WORLD_SIZE="4", OMP_NUM_THREADS="1")  # what torchrun sets where the user said nothing
    prepare_ranks("pytorch", Config())
    assert torch.get_num_threads() == 3
    as_rank("cpu", LOCAL_WORLD_SIZE="4", OMP_NUM_THREADS="2")
    prepare_ranks("pytorch", Config())
    assert torch.get_num_threads() == 2
    prepare_ranks("pytorch", Config({"env_cfg": {"threads_per_rank": 1}}))
    assert torch.get_num_threads() == 1
    as_rank("cpu", LOCAL_WORLD_SIZE="100")
    prepare_ranks("pytorch", Config())
    assert torch.get_num_threads() == 1


def test_a_gpu_run_is_left_to_mmengine(as_rank, monkeypatch):
    joined = as_rank("cuda")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(launcher.torch_dist, "is_nccl_available", lambda: True)
    cfg = Config()
    prepare_ranks("pytorch", cfg)
    assert cfg.to_dict() == {"launcher": "pytorch"}
    assert not joined
    monkeypatch.setattr(launcher.torch_dist, "is_nccl_available", lambda: False)
    prepare_ranks("slurm", cfg)
    assert cfg.env_cfg.dist_cfg.backend == "gloo"


def test_more_ranks_than_gpus_are_refused(as_rank, monkeypatch):
    as_rank("cuda", LOCAL_RANK="1", LOCAL_WORLD_SIZE="2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(InputError, match="2 ranks on a machine that shows 1 GPUs"):
        prepare_ranks("pytorch", Config())


def test_other_launchers_need_a_gpu_and_apples_gpu_has_no_ranks(as_rank):
    as_rank("cpu")
    with pytest.raises(InputError, match="--launcher slurm on a machine without a GPU"):
        prepare_ranks("slurm", Config())
    as_rank("mps")
    with pytest.raises(InputError, match="Apple"):
        prepare_ranks("pytorch", Config())


def test_a_run_of_one_process_is_changed_only_where_its_config_says_so():
    cfg = Config({"model": {"type": "Net"}, "custom_hooks": [{"type": "Own"}], "randomness": {"seed": 3}})
    before = cfg.to_dict()
    prepare_run(cfg)
    assert cfg.to_dict() == {**before, "launcher": "none"}
    threads = torch.get_num_threads()
    try:
        prepare_run(Config({"env_cfg": {"threads_per_rank": threads + 1}}))
        assert torch.get_num_threads() == threads + 1
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(
    ("keys", "options"),
    [
        ({"channels_last": True}, {"channels_last": True, "compile_networks": None}),
        ({"compile_networks": ["backbone"]}, {"channels_last": False, "compile_networks": ["backbone"]}),
        ({"compile_networks": {"mode": "default"}}, {"channels_last": False, "compile_networks": {"mode": "default"}}),
        ({"resume": True}, {"channels_last": False, "compile_networks": None}),
        ({"channels_last": False, "compile_networks": False, "resume": False}, None),
    ],
)
def test_the_networks_format_is_a_hook(keys, options):
    cfg = Config({**keys, "custom_hooks": [{"type": "Own"}]})
    prepare_run(cfg)
    hooks = [{"type": "Own"}] + ([{"type": "NetworkFormatHook", **options}] if options else [])
    assert [dict(hook) for hook in cfg.custom_hooks] == hooks


def test_a_format_that_does_not_exist_is_told_before_anything_starts():
    with pytest.raises(InputError, match=r"compile_networks is 'all'"):
        prepare_run(Config({"compile_networks": "all"}))


def test_half_precision_is_part_of_the_preparation():
    def prepared(amp):
        cfg = Config({"optim_wrapper": {"type": "OptimWrapper", "optimizer": {"type": "SGD", "lr": 1}}})
        prepare_run(cfg, amp=amp)
        return cfg.optim_wrapper

    assert prepared(False).type == "OptimWrapper"
    assert prepared(True).type == "AutocastOptimWrapper"
    assert prepared("bfloat16").dtype == "bfloat16"


def test_ranks_draw_different_numbers_unless_they_must_not(as_rank):
    as_rank("cpu")
    cfg = Config()
    prepare_run(cfg, "pytorch")
    assert cfg.randomness == {"seed": None, "diff_rank_seed": True}
    cfg = Config({"randomness": {"seed": 3, "diff_rank_seed": False}})
    prepare_run(cfg, "pytorch")
    assert cfg.randomness == {"seed": 3, "diff_rank_seed": False}


def test_finishing_without_a_process_group_does_nothing():
    finish_ranks()


TRAINING = """
import json, os, sys
from pathlib import Path
import torch
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import Dataset
from rs_da_mm.engine.launcher import finish_ranks, prepare_run

@DATASETS.register_module()
class Numbers(Dataset):
    metainfo = dict(classes=("a", "b"))
    def __len__(self):
        return 5
    def __getitem__(self, index):
        return dict(inputs=torch.full((1, 4, 4), float(index)))

@MODELS.register_module()
class Tiny(BaseModel):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    def forward(self, inputs, mode="tensor"):
        scores = self.net(torch.stack(inputs))
        if mode == "loss":
            return dict(loss=(scores.float() - torch.stack(inputs)).square().mean())
        truth = torch.tensor([int(value[0, 0, 0]) % 2 for value in inputs])
        return [dict(pred_sem_seg=dict(data=s.argmax(0, True)), gt_sem_seg=dict(data=torch.full((1, 4, 4), int(t))))
                for s, t in zip(scores, truth)]

evaluation = dict(dataset=dict(type="Numbers"), batch_size=2, num_workers=0, sampler=dict(type="DefaultSampler", shuffle=False))
training = dict(dataset=dict(type="Numbers"), batch_size=2, num_workers=0,
    sampler=dict(type="DrawWithReplacementSampler", draws=1, samples_per_draw=6), batch_sampler=dict(type="DrawBatchSampler"))
cfg = Config(dict(
    model=dict(type="Tiny"), work_dir="work", experiment_name="ranks", log_level="INFO",
    train_dataloader=training, val_dataloader=evaluation, val_evaluator=dict(type="LandCoverMetric"),
    train_cfg=dict(by_epoch=True, max_epochs=1), val_cfg=dict(),
    optim_wrapper=dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.01)),
    env_cfg=dict(dist_cfg=dict(backend="nccl", timeout=60)),
    custom_hooks=[dict(type="SyncBuffersHook"), dict(type="PredictionPanelHook", max_panels=0), dict(type="ProgressBarHook")],
))
prepare_run(cfg, "pytorch", amp=True)
runner = Runner.from_cfg(cfg)
runner.train()
net = runner.model.module
scores = {name: runner.message_hub.get_scalar("val/" + name).current() for name in ("OA", "mIoU")}
state = {name: value.double().flatten().tolist() for name, value in net.state_dict().items()}
with open(f"rank{os.environ['RANK']}.json", "w") as file:
    json.dump(dict(state=state, scores=scores, iterations=runner.iter, seed=runner.seed), file)

def gloo_threads():
    names = (task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm"))
    return [name for name in names if "gloo" in name]

before = gloo_threads()
finish_ranks(runner)
with open(f"threads{os.environ['RANK']}.json", "w") as file:
    json.dump(dict(before=before, after=gloo_threads()), file)
"""


def torchrun(tmp_path, script, *arguments):
    """Run a script on two ranks of this machine, as the GPU-less machine that it may not be."""
    (tmp_path / "train.py").write_text(script, encoding="utf-8")
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": os.pathsep.join(sys.path)}
    for name in ENVIRONMENT:
        environment.pop(name, None)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "train.py", *arguments]
    return subprocess.run(command, cwd=tmp_path, env=environment, timeout=240, capture_output=True, text=True, check=False)


def test_two_ranks_train_one_model_on_a_cpu(tmp_path):
    result = torchrun(tmp_path, TRAINING)
    assert result.returncode == 0, result.stderr
    ranks = [json.loads((tmp_path / f"rank{rank}.json").read_text()) for rank in range(2)]
    assert ranks[0]["state"] == ranks[1]["state"]
    assert ranks[0]["scores"] == ranks[1]["scores"]
    assert [rank["iterations"] for rank in ranks] == [2, 2]
    seed = ranks[0]["seed"]
    assert ranks[1]["seed"] == seed + 1, "where the config has no seed, the ranks agree on one"
    assert f" seed: {seed}\n" in next((tmp_path / "work").rglob("*.log")).read_text(), "and say which"
    assert (tmp_path / "work" / "epoch_1.pth").is_file()
    threads = [json.loads((tmp_path / f"threads{rank}.json").read_text()) for rank in range(2)]
    if sys.platform.startswith("linux"):
        assert all(rank["before"] for rank in threads)
    assert all(not rank["after"] for rank in threads), "a thread of gloo's that outlives the interpreter ends the process with it"
