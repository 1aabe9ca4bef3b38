"""Two ranks that share a batch compute what one process computes that has all of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.dist import get_rank, is_distributed
from mmengine.evaluator import Evaluator
from mmengine.model import BaseModel, MMDistributedDataParallel, MMSeparateDistributedDataParallel
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import distributed as torch_dist
from torch import nn

import rs_da_mm  # noqa: F401  (registers)
from rs_da_mm.engine import agreement as agreement_module
from rs_da_mm.engine.agreement import any_rank, gather_on_all, leave_agreement, prepare_agreement
from rs_da_mm.engine.launcher import finish_ranks
from rs_da_mm.engine.network_format import compile_networks, lay_out_channels_last

CLASSES = 4
SCORES = ("OA", "AA", "Kappa", "mIoU", "FWIoU", "mF1")


def segmentor(sync_average):
    torch.manual_seed(0)
    head = {
        "type": "FCNHead",
        "in_channels": 2,
        "channels": 2,
        "num_convs": 0,
        "concat_input": False,
        "dropout_ratio": 0,
        "num_classes": CLASSES,
        "norm_cfg": {"type": "BN"},
        "loss_decode": {"type": "WeightedCrossEntropy", "class_weight": [1.0, 2.0, 0.5, 3.0], "sync_average": sync_average},
    }
    backbone = {"type": "MACUNet", "in_channels": 3, "base_channels": 2}
    model = MODELS.build({"type": "EncoderDecoder", "backbone": backbone, "decode_head": head, "test_cfg": {"mode": "whole"}})
    # In evaluation mode, batch normalisation does not look at the batch.
    return model.double().eval()


def batch(size=4):
    """Images, and labels of which one half of the batch ignores far more than the other."""
    generator = torch.Generator().manual_seed(5)
    images = torch.randn(size, 3, 32, 32, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, CLASSES, (size, 1, 32, 32), generator=generator)
    labels[: size // 2, :, :20] = 255
    return images, labels


def losses(model, images, labels):
    samples = [SegDataSample(gt_sem_seg=PixelData(data=label), metainfo={"img_shape": label.shape[1:]}) for label in labels]
    found = model(images, samples, mode="loss")
    plain = model.module if isinstance(model, MMDistributedDataParallel) else model
    return plain.parse_losses(found)[0]


def gradients(model):
    return {name.removeprefix("module."): tensor.grad.clone() for name, tensor in model.named_parameters()}


def loss_and_gradients(sync_average):
    """Of this rank's half of the batch, or of all of it where there are no ranks."""
    images, labels = batch()
    model = segmentor(sync_average)
    if is_distributed():
        half = slice(get_rank() * 2, get_rank() * 2 + 2)
        model, images, labels = MMDistributedDataParallel(model), images[half], labels[half]
    loss = losses(model, images, labels)
    loss.backward()
    return loss.detach(), gradients(model)


def scores():
    """The scores of seven maps, dealt out over the ranks as a validation does."""
    generator = torch.Generator().manual_seed(6)
    truth = torch.randint(0, CLASSES, (7, 1, 9, 9), generator=generator)
    truth[torch.rand(truth.shape, generator=generator) < 0.1] = 255
    predicted = torch.randint(0, CLASSES, (7, 1, 9, 9), generator=generator)
    evaluator = Evaluator([{"type": "LandCoverMetric"}])
    evaluator.dataset_meta = {"classes": tuple("abcd")}
    for index in DefaultSampler(range(7), shuffle=False):
        sample = SegDataSample(metainfo={"img_path": f"{index}.tif"})
        sample.set_data({"pred_sem_seg": PixelData(data=predicted[index]), "gt_sem_seg": PixelData(data=truth[index])})
        evaluator.process([sample], {})
    return {name: value for name, value in evaluator.evaluate(7).items() if name in SCORES}


class Plain(nn.Module):
    """A network of convolutions, wrapped whole or in parts; with a branch that a step may leave out."""

    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.ReLU())
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, images):
        return self.head(self.backbone(images))


class Parts(BaseModel):
    def __init__(self, net):
        super().__init__()
        self.generator, self.critic = net.backbone, net.head

    def forward(self, images):
        return self.critic(self.generator(images))


def after_three_steps(kind, change):
    """The weights of a network that trains on shared batches, with its format changed after it was wrapped, or not."""
    torch.manual_seed(0)
    net = Plain()
    if kind == "parts":
        model = MMSeparateDistributedDataParallel(Parts(net))
        forward = model.module
    else:
        model = forward = MMDistributedDataParallel(net, find_unused_parameters=kind == "unused")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
    names = list(model.state_dict())
    change(model)
    assert list(model.state_dict()) == names
    for step in range(3):
        images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(10 * step + get_rank()))
        optimizer.zero_grad()
        forward(images).square().mean().backward()
        optimizer.step()
    return [weight.detach().clone(memory_format=torch.contiguous_format) for weight in net.parameters()]


def formats():
    """How far the weights of a run of another format are from the usual one's."""
    compiled = {"whole": ["backbone", "head"], "parts": ["generator", "critic"], "unused": ["backbone"]}
    changes = {
        "channels_last": lambda model, kind: lay_out_channels_last(model),
        "compiled": lambda model, kind: compile_networks(model, compiled[kind], backend="eager"),
    }
    found = {}
    for kind in compiled:
        usual = after_three_steps(kind, lambda model: None)
        for name, change in changes.items():
            weights = after_three_steps(kind, lambda model, change=change, kind=kind: change(model, kind))
            found[name, kind] = max((one - two).abs().max().item() for one, two in zip(usual, weights, strict=True))
    return found


def agreement():
    """What the ranks tell each other, through the default group and, as with nccl, through one beside it."""
    rank = get_rank()
    ways = [any_rank(False), any_rank(rank == 1), any_rank(True), gather_on_all(("rank", rank))]
    usual = torch_dist.get_backend_config
    torch_dist.get_backend_config = lambda group: "cuda:nccl"
    try:
        prepare_agreement(timeout=30)
        beside = [any_rank(False), any_rank(rank == 1), any_rank(True), gather_on_all(("rank", rank))]
    finally:
        torch_dist.get_backend_config = usual
        leave_agreement()
    return {"default": ways, "beside": beside}


def past_nccl():
    rank = get_rank()
    told = [any_rank(False), any_rank(rank == 1), any_rank(True), gather_on_all(("rank", rank))]
    return {"told": told, "beside": agreement_module._beside is not None}


def everything():
    found = {"agreement": agreement(), "formats": formats()} if is_distributed() else {}
    return {
        "synced": loss_and_gradients(sync_average=True),
        "alone": loss_and_gradients(sync_average=False),
        "scores": scores(),
        **found,
    }


def in_two_ranks(folder, backend):
    """Run this file as a script on two ranks; gives what each has found."""
    gpus = {} if backend == "nccl" else {"CUDA_VISIBLE_DEVICES": "-1"}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **gpus, "PYTHONPATH": os.pathsep.join(sys.path)}
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *launcher, str(Path(__file__)), str(folder), backend],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"{rank}.pth") for rank in (0, 1)]


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    return in_two_ranks(tmp_path_factory.mktemp("ranks"), "gloo")


@pytest.mark.slow
def test_the_loss_over_all_ranks_pixels_is_that_of_one_process(ranks):
    loss, expected = loss_and_gradients(sync_average=True)
    assert (ranks[0]["synced"][0] + ranks[1]["synced"][0]).item() / 2 == pytest.approx(loss.item(), rel=1e-12)
    for rank in ranks:
        for name, gradient in expected.items():
            torch.testing.assert_close(rank["synced"][1][name], gradient, rtol=1e-9, atol=1e-13)


@pytest.mark.slow
def test_without_sync_average_every_rank_counts_alike(ranks):
    images, labels = batch()
    model = segmentor(sync_average=False)
    halves = [losses(model, images[half], labels[half]) for half in (slice(0, 2), slice(2, 4))]
    (sum(halves) / 2).backward()
    for rank, half in zip(ranks, halves, strict=True):
        assert rank["alone"][0].item() == pytest.approx(half.item(), rel=1e-12)
        for name, gradient in gradients(model).items():
            torch.testing.assert_close(rank["alone"][1][name], gradient, rtol=1e-9, atol=1e-13)
    together, _ = loss_and_gradients(sync_average=False)
    assert together.item() != pytest.approx(sum(halves).item() / 2, rel=1e-3), "the ranks ignore different numbers of pixels"


@pytest.mark.slow
def test_scores_of_uneven_shards_are_those_of_one_process(ranks):
    expected = scores()
    assert set(expected) == set(SCORES)
    assert ranks[0]["scores"] == ranks[1]["scores"] == expected


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["whole", "parts", "unused"])
@pytest.mark.parametrize("format", ["channels_last", "compiled"])
def test_a_format_changed_inside_a_wrapper_changes_no_number(ranks, format, kind):
    assert ranks[0]["formats"][format, kind] < 1e-6
    assert ranks[1]["formats"][format, kind] < 1e-6


@pytest.mark.slow
def test_what_one_rank_knows_all_know(ranks):
    for rank in ranks:
        for told in rank["agreement"].values():
            assert told == [False, True, True, [("rank", 0), ("rank", 1)]]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="nccl needs a GPU for each rank, and there are not two")
def test_messages_go_past_nccl(tmp_path):
    ranks = in_two_ranks(tmp_path, "nccl")
    assert [rank["beside"] for rank in ranks] == [True, True]
    for rank in ranks:
        assert rank["told"] == [False, True, True, [("rank", 0), ("rank", 1)]]


def test_without_ranks_there_is_nobody_to_ask():
    assert [any_rank(False), any_rank(True)] == [False, True]
    assert gather_on_all("x") == ["x"]
    prepare_agreement()


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[2] == "nccl":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    torch_dist.init_process_group(sys.argv[2])
    torch.save(everything() if sys.argv[2] == "gloo" else past_nccl(), Path(sys.argv[1], f"{get_rank()}.pth"))
    finish_ranks()
