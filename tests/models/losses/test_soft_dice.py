from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rs_da_mm.errors import InputError
from rs_da_mm.models.losses import SoftDiceLoss, soft_dice

WEIGHTS = [0.5, 2.0, 1.0, 0.25]


def _batch():
    generator = torch.Generator().manual_seed(11)
    logits = 2 * torch.randn(2, 4, 5, 6, generator=generator, dtype=torch.float64)
    label = torch.randint(0, 3, (2, 5, 6), generator=generator)  # class 3 is absent
    label[torch.rand(label.shape, generator=generator) < 0.3] = 255
    return logits, label


def _sums(logits, label, power):
    """Overlap, probabilities and labels of each class, pixel by pixel."""
    probability = logits.softmax(1)
    overlap, predicted, labelled = [0.0] * 4, [0.0] * 4, [0.0] * 4
    for n, row, column in (label != 255).nonzero().tolist():
        for c in range(4):
            p = probability[n, c, row, column].item()
            g = float(label[n, row, column].item() == c)
            overlap[c] += p * g
            predicted[c] += p**power
            labelled[c] += g**power
    return overlap, predicted, labelled


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("smooth", [0.0, 1.5])
def test_milletaris_formula(squared, smooth):
    logits, label = _batch()
    overlap, predicted, labelled = _sums(logits, label, 2 if squared else 1)
    dice = [(2 * overlap[c] + smooth) / (predicted[c] + labelled[c] + smooth) for c in range(4)]
    found = SoftDiceLoss(squared=squared, smooth=smooth)(logits, label)
    assert found.item() == pytest.approx(1 - sum(dice[:3]) / 3, rel=1e-12)
    if smooth:
        found = SoftDiceLoss(classes="all", squared=squared, smooth=smooth)(logits, label)
        assert found.item() == pytest.approx(1 - sum(dice) / 4, rel=1e-12)


@pytest.mark.parametrize("class_weight", [None, WEIGHTS])
def test_sudres_formula(class_weight):
    logits, label = _batch()
    overlap, predicted, labelled = _sums(logits, label, 1)
    weights = [(1 if class_weight is None else class_weight[c]) / labelled[c] ** 2 for c in range(3)]
    above = 2 * sum(weight * o for weight, o in zip(weights, overlap, strict=False))
    below = sum(weight * (p + g) for weight, p, g in zip(weights, predicted, labelled, strict=False))
    found = SoftDiceLoss(class_weight, generalized=True, squared=False)(logits, label)
    assert found.item() == pytest.approx(1 - above / below, rel=1e-12)


def test_generalized_has_right_gradients_and_gives_nothing_for_nothing():
    logits, label = _batch()
    loss = SoftDiceLoss(WEIGHTS, generalized=True, squared=False)
    assert torch.autograd.gradcheck(lambda z: loss(z, label), (logits.requires_grad_(),))
    for smooth in (0.0, 1.0):
        nothing = SoftDiceLoss(generalized=True, smooth=smooth)(logits, torch.full_like(label, 255))
        nothing.backward()
        assert nothing.item() == 0
        assert torch.equal(logits.grad, torch.zeros_like(logits))


def test_an_absent_class_is_pushed_down_by_all_alone():
    logits, label = _batch()
    logits.requires_grad_()
    SoftDiceLoss(classes="all", smooth=1.0, class_weight=[0.0, 0.0, 0.0, 1.0])(logits, label).backward()
    assert (logits.grad[:, 3][label != 255] > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": "all"}, "needs smooth above 0"),
        ({"classes": "all", "smooth": 1.0, "generalized": True}, "generalized=False"),
        ({"smooth": -1.0}, "smooth is -1.0"),
        ({"smooth": float("nan")}, "smooth is nan"),
        ({"class_weight": [1.0, -1.0]}, "not negative"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        SoftDiceLoss(**arguments)


_RANK = """
import sys
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from rs_da_mm.models.losses import SoftDiceLoss

def main(rank, store, out):
    dist.init_process_group("gloo", init_method="file:///" + store.lstrip("/"), rank=rank, world_size=2)
    data = torch.load(out + "/data.pt", weights_only=True)
    found = {}
    for name, arguments in data["cases"].items():
        model = torch.nn.Conv2d(3, 4, 1)
        model.load_state_dict(data["model"])
        ddp = DistributedDataParallel(model)
        loss = SoftDiceLoss(**arguments)(ddp(data["images"][rank::2]), data["labels"][rank::2])
        loss.backward()
        found[name] = {"loss": loss.detach(), "grad": [parameter.grad for parameter in model.parameters()]}
    torch.save(found, f"{out}/rank{rank}.pt")
    dist.destroy_process_group()

if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
"""


def test_two_ranks_with_the_sums_of_both_have_the_gradient_of_one_process(monkeypatch):
    logits, label = _batch()
    halves = [(logits[n : n + 1].clone().requires_grad_(), label[n : n + 1]) for n in range(2)]
    loss, sums = SoftDiceLoss(WEIGHTS, generalized=True), []
    monkeypatch.setattr(soft_dice, "get_world_size", lambda: 2)
    monkeypatch.setattr(soft_dice, "all_reduce", lambda own: sums.append(own.clone()))
    for half in halves:
        loss(*half)
    monkeypatch.setattr(soft_dice, "all_reduce", lambda own: own.copy_(sums[0] + sums[1]))
    values = [loss(*half) for half in halves]
    (sum(values) / 2).backward()  # the mean of the ranks, which DistributedDataParallel takes
    monkeypatch.undo()
    expected = loss(logits.requires_grad_(), label)
    expected.backward()
    for value in values:
        torch.testing.assert_close(value, expected)
    torch.testing.assert_close(torch.cat([half.grad for half, _ in halves]), logits.grad)


@pytest.mark.slow
def test_sums_over_ranks_are_those_of_one_process(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    torch.manual_seed(0)
    model = torch.nn.Conv2d(3, 4, 1)
    images, labels = torch.randn(4, 3, 8, 8), torch.randint(0, 3, (4, 8, 8))
    labels[1::2, 2:] = 255  # of rank 1 a quarter is left
    labels[1::2][labels[1::2] == 2] = 0  # and one class none of its own
    cases = {"mean": {"class_weight": WEIGHTS}, "generalized": {"generalized": True, "loss_weight": 0.5}}
    alone = {"alone": {"class_weight": WEIGHTS, "sync_average": False}}
    data = {"model": model.state_dict(), "images": images, "labels": labels, "cases": cases | alone}
    torch.save(data, tmp_path / "data.pt")
    script = tmp_path / "rank.py"
    script.write_text(_RANK, encoding="utf-8")
    arguments = [(tmp_path / "store").as_posix(), tmp_path.as_posix()]
    processes = [subprocess.Popen([sys.executable, str(script), str(rank), *arguments]) for rank in range(2)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2)]
    for name, settings in cases.items():
        model.zero_grad()
        expected = SoftDiceLoss(**settings)(model(images), labels)
        expected.backward()
        for rank in ranks:
            torch.testing.assert_close(rank[name]["loss"], expected.detach())
            for grad, parameter in zip(rank[name]["grad"], model.parameters(), strict=True):
                torch.testing.assert_close(grad, parameter.grad)
    off = (ranks[0]["alone"]["loss"] + ranks[1]["alone"]["loss"]) / 2 - ranks[0]["mean"]["loss"]
    assert abs(off) > 0.01  # each rank alone is something else
