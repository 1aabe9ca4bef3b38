from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.registry import MODELS

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses import WeightedCrossEntropy

WEIGHTS = [0.5, 2.0, 1.0, 0.25]  # held exactly by float32, so that float64 references agree to the last digits


def _batch(dtype: torch.dtype = torch.float64, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(2, classes, 5, 6, generator=generator, dtype=torch.float64).to(dtype)
    label = torch.randint(0, classes, (2, 5, 6), generator=generator)
    label[torch.rand(label.shape, generator=generator) < 0.3] = 255
    return logits, label


@pytest.mark.parametrize("class_weight", [None, WEIGHTS])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_equals_torch(class_weight, reduction):
    logits, label = _batch()
    weight = None if class_weight is None else torch.tensor(class_weight, dtype=torch.float64)
    expected = F.cross_entropy(logits, label, weight=weight, ignore_index=255, reduction=reduction)
    loss = WeightedCrossEntropy(class_weight, reduction=reduction)(logits, label)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-12)


def test_gradient_equals_torch():
    logits, label = _batch()
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    WeightedCrossEntropy(WEIGHTS, loss_weight=0.4)(ours, label).backward()
    (0.4 * F.cross_entropy(theirs, label, weight=torch.tensor(WEIGHTS, dtype=torch.float64), ignore_index=255)).backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-12, atol=1e-14)


def test_gradcheck():
    logits, label = _batch()
    pixel_weight = torch.rand(label.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    loss = WeightedCrossEntropy(WEIGHTS)
    assert torch.autograd.gradcheck(lambda z: loss(z, label, weight=pixel_weight), (logits.requires_grad_(),))


def test_formula_by_hand():
    # Two classes with logits (0, log 3): probabilities 1/4 and 3/4.
    logits = torch.tensor([0.0, 3.0]).clamp_min(1).log().view(1, 2, 1, 1).expand(1, 2, 1, 3)
    label = torch.tensor([[[0, 1, 255]]])
    loss0, loss1 = torch.tensor(4.0).log(), torch.tensor(4 / 3).log()
    torch.testing.assert_close(WeightedCrossEntropy([3.0, 1.0])(logits, label), (3 * loss0 + loss1) / 4)
    torch.testing.assert_close(WeightedCrossEntropy([3.0, 1.0], avg_non_ignore=False)(logits, label), (3 * loss0 + loss1) / 3)
    pixels = torch.tensor([[[1.0, 2.0, 5.0]]])
    torch.testing.assert_close(WeightedCrossEntropy([3.0, 1.0])(logits, label, weight=pixels), (3 * loss0 + 2 * loss1) / 5)


@pytest.mark.parametrize("class_weight", [None, WEIGHTS])
@pytest.mark.parametrize("avg_non_ignore", [True, False])
def test_nothing_but_ignored_pixels_gives_exactly_nothing(class_weight, avg_non_ignore):
    logits = torch.randn(2, 4, 5, 6, requires_grad=True)
    loss = WeightedCrossEntropy(class_weight, avg_non_ignore=avg_non_ignore)(logits, torch.full((2, 5, 6), 255))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_only_classes_of_weight_zero_give_nothing():
    logits = torch.randn(1, 2, 3, 3, requires_grad=True)
    loss = WeightedCrossEntropy([0.0, 1.0])(logits, torch.zeros(1, 3, 3, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_ignored_pixels_have_no_influence():
    logits, label = _batch()
    loss = WeightedCrossEntropy(WEIGHTS)
    changed = torch.where((label == 255)[:, None], logits + 100 * torch.randn_like(logits), logits)
    torch.testing.assert_close(loss(changed, label), loss(logits, label), rtol=0, atol=0)


def test_call_overrides_ignore_index_and_an_ignored_class_works():
    logits, label = _batch()
    label = label.masked_fill(label == 255, 0)
    expected = F.cross_entropy(logits, label, ignore_index=0)
    torch.testing.assert_close(WeightedCrossEntropy()(logits, label, ignore_index=0), expected)
    torch.testing.assert_close(WeightedCrossEntropy(ignore_index=0)(logits, label), expected)


def test_flat_logits_and_small_label_dtypes():
    logits, label = _batch()
    loss = WeightedCrossEntropy(WEIGHTS)
    flat = loss(logits.permute(0, 2, 3, 1).reshape(-1, 4), label.reshape(-1))
    torch.testing.assert_close(flat, loss(logits, label))
    torch.testing.assert_close(loss(logits, label.to(torch.uint8)), loss(logits, label))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_logits_are_computed_in_float32(dtype):
    logits, label = _batch(dtype)
    loss = WeightedCrossEntropy(WEIGHTS)
    assert loss(logits, label).dtype == torch.float32
    torch.testing.assert_close(loss(logits, label), loss(logits.float(), label), rtol=0, atol=0)


def test_under_autocast():
    logits, label = _batch(torch.float32)
    loss = WeightedCrossEntropy(WEIGHTS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(loss(logits.bfloat16(), label), loss(logits.bfloat16().float(), label))


def test_channels_last_logits():
    logits, label = _batch()
    loss = WeightedCrossEntropy(WEIGHTS)
    torch.testing.assert_close(loss(logits.contiguous(memory_format=torch.channels_last), label), loss(logits, label))


@pytest.mark.parametrize("value", [4, 17, -1, 254])
def test_label_that_is_no_class_is_named(value):
    logits, label = _batch()
    label[1, 2, 3] = value
    with pytest.raises(ValueError, match=rf"value {value}\b.*4 classes \(0 to 3\) and 255 is ignored"):
        WeightedCrossEntropy()(logits, label)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"class_weight": [1.0, -2.0]}, "not negative"),
        ({"class_weight": [1.0, float("nan")]}, "finite"),
        ({"reduction": "average"}, "'average'"),
    ],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(InputError, match=message):
        WeightedCrossEntropy(**kwargs)


def test_shapes_that_do_not_fit():
    logits, label = _batch()
    with pytest.raises(InputError, match="3 values, but the logits have 4 classes"):
        WeightedCrossEntropy([1.0, 1.0, 1.0])(logits, label)
    with pytest.raises(InputError, match=r"\(2, 5, 5\)"):
        WeightedCrossEntropy()(logits, label[..., :5])
    with pytest.raises(InputError, match="at least 2 logits"):
        WeightedCrossEntropy()(logits[:, :1], label)


def test_as_mmseg_uses_it():
    loss = MODELS.build({"type": "WeightedCrossEntropy", "class_weight": WEIGHTS, "loss_name": "loss_weighted"})
    assert loss.loss_name == "loss_weighted"
    assert not loss.state_dict()
    assert "class_weight=[0.5, 2.0, 1.0, 0.25]" in repr(loss)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        torch.testing.assert_close(other(*_batch()), loss(*_batch()))


def test_where_mmsegs_own_loss_fails():
    from mmseg.models.losses import CrossEntropyLoss

    logits, label = _batch(torch.float32)
    theirs = CrossEntropyLoss(class_weight=WEIGHTS, avg_non_ignore=True)
    with pytest.raises(IndexError):
        theirs(logits, label, ignore_index=255)
    ours = WeightedCrossEntropy(class_weight=WEIGHTS)(logits, label, ignore_index=255)
    torch.testing.assert_close(ours, F.cross_entropy(logits, label, weight=torch.tensor(WEIGHTS), ignore_index=255))
    # Without ignored pixels, and without avg_non_ignore, theirs works on both stacks, and both agree.
    whole = label.masked_fill(label == 255, 1)
    theirs = CrossEntropyLoss(class_weight=WEIGHTS)
    torch.testing.assert_close(WeightedCrossEntropy(class_weight=WEIGHTS)(logits, whole), theirs(logits, whole, ignore_index=255))


_RANK = """
import sys
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from rs_da_mm.models.losses import WeightedCrossEntropy

def gradient(data, labels, rank, sync_average):
    model = torch.nn.Conv2d(3, 4, 1)
    model.load_state_dict(data["model"])
    ddp = DistributedDataParallel(model)
    loss = WeightedCrossEntropy(data["class_weight"], sync_average=sync_average)(ddp(data["images"][rank::2]), labels[rank::2])
    loss.backward()
    return {"loss": loss.detach(), "grad": [parameter.grad for parameter in model.parameters()]}

def main(rank, store, out):
    dist.init_process_group("gloo", init_method="file:///" + store.lstrip("/"), rank=rank, world_size=2)
    data = torch.load(out + "/data.pt", weights_only=True)
    found = {name: gradient(data, labels, rank, True) for name, labels in data["labels"].items()}
    found["each alone"] = gradient(data, data["labels"]["uneven"], rank, False)
    torch.save(found, f"{out}/rank{rank}.pt")
    dist.destroy_process_group()

if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
"""


def test_average_over_ranks_is_that_of_one_process(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 4, 1)
    images, uneven = torch.randn(4, 3, 8, 8), torch.randint(0, 4, (4, 8, 8))
    uneven[1::2, 2:] = 255  # of rank 1 a quarter is left
    one_ignored = uneven.clone()
    one_ignored[1::2] = 255  # of rank 1 nothing
    labels = {"uneven": uneven, "one rank all ignored": one_ignored}
    data = {"model": model.state_dict(), "images": images, "labels": labels, "class_weight": WEIGHTS}
    torch.save(data, tmp_path / "data.pt")
    script = tmp_path / "rank.py"
    script.write_text(_RANK, encoding="utf-8")
    arguments = [(tmp_path / "store").as_posix(), tmp_path.as_posix()]
    processes = [subprocess.Popen([sys.executable, str(script), str(rank), *arguments]) for rank in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2)]
    for name, label in labels.items():
        model.zero_grad()
        expected = F.cross_entropy(model(images), label, weight=torch.tensor(WEIGHTS), ignore_index=255)
        expected.backward()
        torch.testing.assert_close((ranks[0][name]["loss"] + ranks[1][name]["loss"]) / 2, expected.detach())
        for rank in ranks:
            for grad, parameter in zip(rank[name]["grad"], model.parameters(), strict=True):
                torch.testing.assert_close(grad, parameter.grad)
        if name == "uneven":  # the mean of each rank's own mean is something else
            off = ranks[0]["each alone"]["grad"][0] - model.weight.grad
            assert off.abs().max() > 0.1 * model.weight.grad.abs().max()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the deferred check is for CUDA")
def test_on_cuda_a_wrong_label_is_told_one_call_later_and_left_out_until_then():
    logits, label = _batch(torch.float32)
    loss = WeightedCrossEntropy(WEIGHTS).cuda()
    wrong = label.clone()
    wrong[1, 2, 3] = 17
    left_out = wrong.masked_fill(wrong == 17, 255)
    value = loss(logits.cuda(), wrong.cuda())
    torch.testing.assert_close(value.cpu(), WeightedCrossEntropy(WEIGHTS)(logits, left_out))
    with pytest.raises(InputError, match=r"value 17\b"):
        loss(logits.cuda(), label.cuda())
    loss(logits.cuda(), label.cuda())
    copy.deepcopy(loss)(logits.cuda(), label.cuda())
