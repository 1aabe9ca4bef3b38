from __future__ import annotations

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, OptimWrapperDict, build_optim_wrapper
from torch import nn

from rs_da_mm.engine.autocast import AutocastOptimWrapper, enable_autocast
from rs_da_mm.engine.optimizers import NetworkOptimWrapperConstructor, NetworkOptimWrapperDict
from rs_da_mm.errors import InputError

SGD = {"type": "SGD", "lr": 0.1}


class Wrapper(nn.Module):
    """Stands in for a distributed wrapper, which needs a process group."""

    def __init__(self, module):
        super().__init__()
        self.module = module


@pytest.fixture(autouse=True)
def _wrapper_is_known(monkeypatch):
    from rs_da_mm.engine import optimizers

    monkeypatch.setattr(optimizers, "is_model_wrapper", lambda module: isinstance(module, Wrapper))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
        self.discriminator = nn.Linear(3, 1)
        self.segmentor = nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 1)})


@pytest.fixture
def net():
    return Net()


def config(**changes):
    keys = {name: {"optimizer": dict(SGD)} for name in ("generator", "discriminator", "segmentor")}
    return {key: value for key, value in {**keys, **changes}.items() if value is not None}


def held(wrapper):
    return {id(parameter) for group in wrapper.optimizer.param_groups for parameter in group["params"]}


def parameters(*networks):
    return {id(parameter) for network in networks for parameter in network.parameters()}


def test_each_network_gets_its_optimizer(net):
    wrappers = build_optim_wrapper(net, Config(config(constructor="NetworkOptimWrapperConstructor")))
    assert isinstance(wrappers, NetworkOptimWrapperDict)
    assert isinstance(wrappers, OptimWrapperDict)
    assert list(wrappers.keys()) == ["generator", "discriminator", "segmentor"]
    for name, wrapper in wrappers.items():
        assert type(wrapper) is OptimWrapper
        assert held(wrapper) == parameters(getattr(net, name))


def test_one_optimizer_for_several_networks_and_one_for_a_part(net):
    settings = config(
        generator=None,
        discriminator=None,
        segmentor=None,
        gan={"networks": ["generator", "discriminator"], "optimizer": {"type": "Adam", "lr": 1e-3}},
        **{"segmentor.backbone": {"optimizer": SGD}},
        top={"networks": "segmentor.head", "optimizer": SGD},
    )
    wrappers = NetworkOptimWrapperConstructor(settings)(net)
    assert held(wrappers["gan"]) == parameters(net.generator, net.discriminator)
    assert isinstance(wrappers["gan"].optimizer, torch.optim.Adam)
    assert held(wrappers["segmentor.backbone"]) == parameters(net.segmentor["backbone"])
    assert held(wrappers["top"]) == parameters(net.segmentor["head"])


def test_networks_in_wrappers_are_found_by_their_own_paths(net):
    net.generator, net.segmentor = Wrapper(net.generator), Wrapper(net.segmentor)
    settings = config(
        generator={"optimizer": SGD, "paramwise_cfg": {"custom_keys": {"generator.1": {"lr_mult": 0.5}}}},
        segmentor={"networks": ["segmentor.backbone", "segmentor.head"], "optimizer": SGD},
    )
    wrappers = NetworkOptimWrapperConstructor(settings)(Wrapper(net))
    assert held(wrappers["segmentor"]) == parameters(net.segmentor)
    assert [group["lr"] for group in wrappers["generator"].optimizer.param_groups] == [0.1, 0.1, 0.05, 0.05]


def test_settings_of_wrappers_reach_them(net):
    settings = config(
        generator={"optimizer": SGD, "accumulative_counts": 3, "clip_grad": {"max_norm": 2.0}},
        discriminator={"type": "AutocastOptimWrapper", "optimizer": SGD, "clip_grad": {"type": "value", "clip_value": 1.0}},
    )
    before = copy.deepcopy(settings)
    wrappers = NetworkOptimWrapperConstructor(settings)(net)
    assert settings == before
    assert wrappers["generator"]._accumulative_counts == 3
    assert wrappers["generator"].clip_grad_kwargs == {"max_norm": 2.0}
    assert wrappers["generator"].grad_name == "generator.grad_norm"
    assert wrappers["discriminator"].grad_name == "discriminator.grad_value"
    assert isinstance(wrappers["discriminator"], AutocastOptimWrapper)


def test_paramwise_settings_are_the_wrappers_own_or_those_for_all(net):
    settings = config(
        generator={"optimizer": {**SGD, "weight_decay": 0.1}},
        discriminator={"optimizer": {**SGD, "weight_decay": 0.1}, "paramwise_cfg": {"bias_lr_mult": 2.0}},
        segmentor={"optimizer": {**SGD, "weight_decay": 0.1}},
    )
    wrappers = NetworkOptimWrapperConstructor(settings, paramwise_cfg={"norm_decay_mult": 0.0})(net)
    assert [group["weight_decay"] for group in wrappers["generator"].optimizer.param_groups] == [0.1, 0.1, 0.0, 0.0]
    assert [group["lr"] for group in wrappers["discriminator"].optimizer.param_groups] == [0.1, 0.2]


def test_a_parameter_without_an_optimizer_is_named(net):
    with pytest.raises(InputError, match=r"segmentor\.backbone\.weight, .*segmentor\.head\.bias are in no optimizer"):
        NetworkOptimWrapperConstructor(config(segmentor=None))(net)
    net.own = nn.Parameter(torch.zeros(1))
    with pytest.raises(
        InputError, match=r"own is in no optimizer\. Keys: generator, discriminator, segmentor\. .*into a network"
    ):
        NetworkOptimWrapperConstructor(config())(net)


def test_frozen_and_listed_parameters_need_none(net):
    net.segmentor["backbone"].requires_grad_(False)
    with pytest.raises(InputError, match=r"segmentor\.head\.weight, segmentor\.head\.bias are in no optimizer"):
        NetworkOptimWrapperConstructor(config(segmentor=None))(net)
    NetworkOptimWrapperConstructor(config(segmentor=None, untrained=["segmentor.head"]))(net)
    NetworkOptimWrapperConstructor(config(segmentor=None, untrained="segmentor"))(net)
    with pytest.raises(InputError, match=r"segmentor\.head\.bias is in no optimizer"):
        NetworkOptimWrapperConstructor(config(segmentor=None, untrained=["segmentor.head.weight"]))(net)
    with pytest.raises(InputError, match=r"optim_wrapper\.untrained: the model has no parameter 'segment'"):
        NetworkOptimWrapperConstructor(config(untrained=["segment"]))(net)


@pytest.mark.parametrize("paramwise_cfg", [None, {"bias_lr_mult": 2.0}])
def test_what_is_listed_in_a_network_is_left_out_of_its_optimizer(net, paramwise_cfg):
    wrappers = NetworkOptimWrapperConstructor(config(untrained=["generator.0"]), paramwise_cfg)(net)
    assert held(wrappers["generator"]) == parameters(net.generator[1])
    assert len(wrappers["generator"].optimizer.param_groups) == (1 if paramwise_cfg is None else 2)


def test_a_parameter_in_two_optimizers_is_named(net):
    settings = config(more={"networks": ["segmentor.head"], "optimizer": SGD})
    with pytest.raises(InputError, match=r"segmentor\.head\.weight, segmentor\.head\.bias are in two.*more \(segmentor\.head\)"):
        NetworkOptimWrapperConstructor(settings)(net)


def test_weights_that_networks_of_one_optimizer_share_are_in_it_once(net):
    net.twin = nn.Linear(3, 1)
    net.twin.weight = net.discriminator.weight
    wrappers = NetworkOptimWrapperConstructor(config(discriminator={"networks": ["discriminator", "twin"], "optimizer": SGD}))(
        net
    )
    assert len(held(wrappers["discriminator"])) == 3


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"painter": {"optimizer": SGD}},
            "optim_wrapper.painter: the model has no network 'painter'; Net has no 'painter', but gen",
        ),
        (
            {"x": {"networks": ["segmentor.neck"], "optimizer": SGD}},
            "'segmentor.neck'; ModuleDict has no 'neck', but backbone, head",
        ),
        ({"generator": {"type": "OptimWrapper"}}, "optim_wrapper.generator is .* expected a dict with an optimizer"),
        ({"lr": 0.1}, "optim_wrapper.lr is 0.1; expected a dict"),
        ({"generator": None, "discriminator": None, "segmentor": None}, "optim_wrapper has no optimizer"),
    ],
)
def test_wrong_settings_are_refused(net, changes, named):
    with pytest.raises(InputError, match=named):
        NetworkOptimWrapperConstructor(config(**changes))(net)


def test_a_network_without_parameters_is_refused(net):
    net.act = nn.ReLU()
    with pytest.raises(InputError, match=r"optim_wrapper\.act: act has no parameters to train"):
        NetworkOptimWrapperConstructor(config(act={"optimizer": SGD}))(net)


def test_other_optimizers_in_a_checkpoint_are_refused(net):
    wrappers = NetworkOptimWrapperConstructor(config())(net)
    state = wrappers.state_dict()
    NetworkOptimWrapperConstructor(config())(net).load_state_dict(state)
    del state["generator"]
    with pytest.raises(
        InputError, match="checkpoint has optimizers discriminator, segmentor; this run has discriminator, generator"
    ):
        wrappers.load_state_dict(state)


def test_the_model_is_told_where_the_run_is(net, monkeypatch):
    wrappers = NetworkOptimWrapperConstructor(config())(net)
    wrappers.initialize_count_status(net, 0, 10)  # a model that has nothing to do with it
    told = []
    net.begin_training = lambda *values: told.append(values)
    wrappers.initialize_count_status(net, 3, 10)
    assert told == [(wrappers, 3, 10)]
    with pytest.raises(InputError, match=r"is in Wrapper, which trains one network.*MMSeparateDistributedDataParallel"):
        wrappers.initialize_count_status(Wrapper(net), 3, 10)


def test_amp_switches_every_wrapper_to_half_precision(net):
    cfg = Config({"optim_wrapper": config(constructor="NetworkOptimWrapperConstructor", untrained=["generator.1"])})
    enable_autocast(cfg)
    wrappers = build_optim_wrapper(net, cfg.optim_wrapper)
    assert {type(wrapper) for wrapper in wrappers.values()} == {AutocastOptimWrapper}
