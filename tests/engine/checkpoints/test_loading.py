from __future__ import annotations

import pytest
import torch
from mmengine.model import BaseTTAModel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from rs_da_mm.engine import checkpoints
from rs_da_mm.engine.checkpoints import fitted_weights, load_model_strictly, weights_of
from rs_da_mm.errors import InputError


@MODEL_WRAPPERS.register_module()
class PretendDistributed(nn.Module):
    """Holds a module as the wrappers for distribution do."""

    def __init__(self, module):
        super().__init__()
        self.module = module


@pytest.fixture(scope="module", autouse=True)
def _forget_the_wrapper():
    yield
    MODEL_WRAPPERS.module_dict.pop("PretendDistributed")


def pair():
    """A model of two parts, one of which has a part that is really called `module`."""
    return nn.ModuleDict({"generator": nn.Linear(2, 1), "critic": nn.ModuleDict({"module": nn.Linear(1, 3)})})


def saved(path, weights):
    torch.save({"state_dict": weights, "meta": {}}, path)
    return path


def same(one, other):
    return all(torch.equal(one.state_dict()[name], tensor) for name, tensor in other.state_dict().items())


def test_what_others_import_from_here_is_here():
    assert all(hasattr(checkpoints, name) for name in checkpoints.__all__)


def test_strict_loading_takes_plain_and_nested_state_dicts(tmp_path):
    source = nn.Linear(2, 1)
    for number, content in enumerate([source.state_dict(), {"state_dict": source.state_dict(), "meta": {}}]):
        torch.save(content, tmp_path / f"{number}.pth")
        target = nn.Linear(2, 1)
        load_model_strictly(target, tmp_path / f"{number}.pth")
        assert torch.equal(source.weight, target.weight)


@pytest.mark.parametrize(
    "rename",
    [
        lambda name: name,
        lambda name: f"module.{name}",
        lambda name: name.replace("generator.", "generator.module."),
        lambda name: "module." + name.replace("generator.", "generator.module.").replace("critic.", "critic.module."),
    ],
    ids=["as it is", "wrapped whole", "wrapped part", "wrapped twice"],
)
@pytest.mark.parametrize("wrap", [lambda model: model, PretendDistributed], ids=["plain", "wrapped"])
def test_the_module_of_wrappers_is_left_out_of_names(tmp_path, rename, wrap):
    source, target = pair(), pair()
    path = saved(tmp_path / "a.pth", {rename(name): tensor for name, tensor in source.state_dict().items()})
    load_model_strictly(wrap(target), path)
    assert same(target, source)


def test_weights_go_into_a_model_whose_parts_are_wrapped(tmp_path):
    source, target = pair(), pair()
    inner = target["generator"]
    target["generator"] = PretendDistributed(inner)
    load_model_strictly(target, saved(tmp_path / "plain.pth", source.state_dict()))
    assert same(inner, source["generator"])
    other = pair()
    load_model_strictly(other, saved(tmp_path / "wrapped.pth", target.state_dict()))
    assert same(other, source)


def test_a_model_that_says_what_it_saves_is_asked(tmp_path):
    class Half(nn.ModuleDict):
        def state_dict(self, *words, **named):
            full = super().state_dict(*words, **named)
            return {name: tensor for name, tensor in full.items() if name.startswith("generator")}

    source, target = Half(pair()), Half(pair())
    load_model_strictly(target, saved(tmp_path / "half.pth", source.state_dict()))
    assert same(target["generator"], source["generator"])


def test_weights_go_into_the_model_that_test_time_augmentation_wraps(tmp_path):
    class Averaged(BaseTTAModel):
        def merge_preds(self, data_samples_list):
            return data_samples_list

    source, target = nn.Linear(2, 1), nn.Linear(2, 1)
    target.test_step = None  # mmengine asks for it
    load_model_strictly(Averaged(target), saved(tmp_path / "a.pth", source.state_dict()))
    assert same(target, source)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["module.weight", "weight", "bias"], "module.weight is in the file only"),
        (["module.weight", "module.module.weight", "bias"], "weight is missing in the file"),
        (["part.weight", "bias"], "weight is missing in the file; part.weight is in the file only"),
        (["modules.weight", "bias"], "modules.weight is in the file only"),
    ],
)
def test_nothing_else_is_renamed(names, told):
    shapes = {"weight": (1, 2), "bias": (1,)}
    weights = {name: torch.zeros(shapes[name.rpartition(".")[2]]) for name in names}
    with pytest.raises(InputError, match=told):
        fitted_weights(nn.Linear(2, 1), weights, "a.pth")


def test_a_name_of_the_models_own_is_never_taken_for_a_wrappers():
    model = nn.ModuleDict({"module": nn.Linear(1, 1)})
    weights = {"weight": torch.ones(1, 1), "bias": torch.ones(1)}
    with pytest.raises(InputError, match=r"module\.weight is missing in the file"):
        fitted_weights(model, weights, "a.pth")
    assert set(fitted_weights(model, model.state_dict(), "a.pth")) == {"module.weight", "module.bias"}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (nn.Linear(2, 1, bias=False), "bias is missing in the file"),
        (nn.Sequential(nn.Linear(2, 1)), "0.weight is in the file only"),
        (nn.Linear(3, 1), r"weight is \(1, 3\) in the file and \(1, 2\) in the model"),
        (nn.Sequential(nn.Linear(2, 1), nn.Linear(2, 1)), "and 3 more differences"),
    ],
)
def test_weights_of_another_model_are_refused_and_nothing_is_loaded(tmp_path, other, told):
    torch.save(other.state_dict(), tmp_path / "other.pth")
    model = nn.Linear(2, 1)
    before = model.weight.clone()
    with pytest.raises(InputError, match=told):
        load_model_strictly(model, tmp_path / "other.pth")
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([1, 2], "holds a list"),
        ({"state_dict": None}, "holds a NoneType"),
        ({"model": {"weight": torch.ones(1)}}, "more than weights: model"),
        ({"state_dict": {"weight": torch.ones(1), "count": 3}}, "more than weights: count"),
    ],
)
def test_what_holds_no_weights_is_told(content, told):
    with pytest.raises(InputError, match=rf"a\.pth: holds.*{told.removeprefix('holds ')}"):
        weights_of(content, "a.pth")
