from __future__ import annotations

import math

import pytest
import torch
from mmengine.structures import BaseDataElement
from torch import nn

from rs_da_mm.engine.nonfinite import all_finite, describe_batch, drop_gradients, nonfinite_gradients, nonfinite_losses

OPTIMIZERS = {
    "SGD": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1}),
    "SGD with dampening": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "foreach": True}),
    "fused SGD": (torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1, "fused": True}),
    "Adam": (torch.optim.Adam, {"weight_decay": 0.1, "amsgrad": True}),
    "foreach Adam": (torch.optim.Adam, {"weight_decay": 0.1, "foreach": True}),
    "fused Adam": (torch.optim.Adam, {"weight_decay": 0.1, "fused": True}),
    "AdamW": (torch.optim.AdamW, {"weight_decay": 0.1}),
    "foreach AdamW": (torch.optim.AdamW, {"weight_decay": 0.1, "foreach": True}),
    "fused AdamW": (torch.optim.AdamW, {"weight_decay": 0.1, "fused": True}),
    "RMSprop": (torch.optim.RMSprop, {"momentum": 0.9, "weight_decay": 0.1, "centered": True}),
    "foreach RMSprop": (torch.optim.RMSprop, {"momentum": 0.9, "weight_decay": 0.1, "foreach": True}),
    "Adagrad": (torch.optim.Adagrad, {"weight_decay": 0.1}),
    "RAdam": (torch.optim.RAdam, {"weight_decay": 0.1}),
    "NAdam": (torch.optim.NAdam, {"weight_decay": 0.1}),
}


def contents(optimizer):
    """Everything that an optimizer and its weights hold, copied."""
    state = optimizer.state_dict()["state"]
    values = {(index, key): torch.as_tensor(value).clone() for index, held in state.items() for key, value in held.items()}
    weights = [tensor.detach().clone() for group in optimizer.param_groups for tensor in group["params"]]
    return values, weights


@pytest.mark.parametrize("began", [False, True], ids=["at the first step", "later"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_without_gradients_changes_nothing(name, began):
    torch.manual_seed(0)
    net = nn.Linear(3, 2)
    kind, options = OPTIMIZERS[name]
    optimizer = kind(net.parameters(), lr=0.1, **options)
    for _ in range(3 if began else 0):
        optimizer.zero_grad()
        net(torch.randn(4, 3)).square().sum().backward()
        optimizer.step()
    state, weights = contents(optimizer)
    for tensor in net.parameters():
        tensor.grad = torch.full_like(tensor, math.nan)
    hook = optimizer.register_step_pre_hook(lambda owner, args, kwargs: drop_gradients(owner))
    optimizer.step()
    hook.remove()
    after, weights_after = contents(optimizer)
    assert state.keys() == after.keys()
    assert all(torch.equal(value, after[key]) for key, value in state.items())
    assert all(torch.equal(one, two) for one, two in zip(weights, weights_after, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_all_finite_sees_every_kind(dtype):
    tensors = [torch.randn(5, 7).to(dtype), torch.randn(3).to(dtype)]
    assert all_finite(tensors)
    for value in (math.nan, math.inf, -math.inf):
        spoilt = [tensors[0], tensors[1].clone()]
        spoilt[1][2] = value
        assert not all_finite(spoilt)


def test_all_finite_is_not_misled_by_large_numbers_or_mixed_kinds():
    large = torch.full((10,), 3e38)
    assert all_finite([large])
    assert all_finite([large.double(), torch.ones(2, dtype=torch.bfloat16)])
    assert all_finite([torch.full((3,), 60000.0, dtype=torch.float16)])
    assert not all_finite([large, torch.tensor([math.inf])])
    assert all_finite([])


def test_all_finite_takes_sparse_gradients():
    table = nn.Embedding(4, 2, sparse=True)
    table(torch.tensor([1, 2])).sum().backward()
    assert table.weight.grad.is_sparse
    assert all_finite([table.weight.grad])
    assert not all_finite([table.weight.grad * math.nan])


def test_the_terms_of_a_loss_are_named_and_not_their_sum():
    outputs = {
        "loss": torch.tensor(math.nan),
        "decode.loss_ce": torch.tensor(0.5),
        "decode.loss_dice": torch.tensor([math.inf, 1.0]),
        "decode.acc_seg": torch.tensor(math.nan),
        "loss_epoch": 3,
    }
    assert nonfinite_losses(outputs) == {"decode.loss_dice": math.inf}
    assert str(nonfinite_losses({"loss": math.nan})) == "{'loss': nan}"
    assert nonfinite_losses({"loss": torch.tensor(1.0)}) == {}
    assert nonfinite_losses({}) == nonfinite_losses(None) == {}


def test_parameters_are_named_without_wrappers_and_only_the_optimizers_own():
    model = nn.ModuleDict({"net": nn.ModuleDict({"module": nn.Linear(2, 2)}), "submodule": nn.Linear(2, 2)})
    for tensor in model.parameters():
        tensor.grad = torch.zeros_like(tensor)
    model["net"]["module"].weight.grad[0, 0] = math.nan
    model["submodule"].bias.grad[1] = math.inf
    assert nonfinite_gradients(model, torch.optim.SGD(model.parameters(), lr=1)) == ["net.weight", "submodule.bias"]
    assert nonfinite_gradients(model, torch.optim.SGD(model["submodule"].parameters(), lr=1)) == ["submodule.bias"]


def test_the_files_of_a_batch_are_named():
    samples = [
        BaseDataElement(metainfo={"img_path": "a.tif", "seg_map_path": "a_label.tif", "window": (0, 256, 128, 128)}),
        BaseDataElement(metainfo={"img_path": "b.tif"}),
        BaseDataElement(metainfo={"img_path": ["c_red.tif", "c_nir.tif"], "window": None}),
        BaseDataElement(metainfo={"img_path": "b.tif"}),
    ]
    expected = ["a.tif, window (0, 256, 128, 128)", "b.tif", "c_red.tif + c_nir.tif"]
    assert describe_batch({"inputs": [torch.zeros(1)] * 4, "data_samples": samples}) == expected


def test_batches_of_another_structure_are_walked_through():
    pair = {"inputs": {"source": torch.zeros(1)}, "data_samples": {"source": [BaseDataElement(metainfo={"img_path": "s.tif"})]}}
    assert describe_batch([pair, {"img_path": "t.tif"}]) == ["s.tif", "t.tif"]
    two = BaseDataElement(metainfo={"img_photo_path": "photo.png", "img_mask_path": "mask.png", "other_path": "x"})
    assert describe_batch({"data_samples": [two]}) == ["mask.png", "photo.png"]
    assert describe_batch({"inputs": torch.zeros(2)}) == []
    assert describe_batch(None) == []
