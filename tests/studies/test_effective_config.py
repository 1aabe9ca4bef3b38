"""The config that a run really gets."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from rs_da_mm.studies.effective_config import (
    config_of_test,
    data_roots,
    effective_config,
    plain,
    with_budget_hook,
    write_config,
)
from rs_da_mm.studies.fields import StudyError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def path(tmp_path):
    text = """
model = dict(backbone=dict(type='A', depth=3, kind=int))
train_cfg = dict(max_epochs=9)
custom_imports = dict(imports='rs_da_mm')
test_dataloader = dict(dataset=dict(type='X', data_root='t'))
test_cfg, test_evaluator = dict(), dict(type='M')
val_dataloader = dict(dataset=dict(datasets=[dict(data_root='v'), dict(dataset=dict(data_root='w'))]))
val_evaluator = dict(type='V')
"""
    (tmp_path / "c.py").write_text(text)
    return tmp_path / "c.py"


def test_later_layers_win_and_the_seed_is_set(path):
    layers = [{"model.backbone.depth": 4, "train_cfg.max_epochs": 1}, {"model.backbone.depth": 5}]
    config = effective_config(path, layers, 7, "here")
    assert (config.model.backbone.depth, config.train_cfg.max_epochs, config.randomness.seed) == (5, 1, 7)
    assert effective_config(path, [], None, "here").model.backbone.depth == 3, "the file was read afresh"
    whole = effective_config(path, [{"model.backbone": {"_delete_": True, "type": "B"}}], None, "here")
    assert whole.model.backbone == {"type": "B"}


def test_an_override_of_nothing_is_refused_and_a_runner_s_own_is_not(path):
    with pytest.raises(StudyError, match=r"here: the override 'trian_cfg\.max_epochs'.*Did you mean 'train_cfg'"):
        effective_config(path, [{"trian_cfg.max_epochs": 1}], None, "here")
    assert effective_config(path, [{"load_from": "x.pth"}], None, "here").load_from == "x.pth"
    with pytest.raises(StudyError, match=r"model\.backbone\.depth\.x do not fit|cannot"):
        effective_config(path, [{"model.backbone.depth.x": 1}], None, "here")


def test_what_is_written_reads_back_the_same(path, tmp_path):
    odd = {"load_from": "it's a 'C:\\new' \"path\"", "env_cfg": {"a": (1, 2), "b": [None, True, 1e-5], "long": "x" * 300}}
    config = effective_config(path, [odd], 1, "here")
    write_config(config, tmp_path / "out.py")
    again = Config.fromfile(tmp_path / "out.py")
    assert again.model.backbone.pop("kind") == "builtins.int"
    config.model.backbone.pop("kind")
    assert again.to_dict() == config.to_dict()


@pytest.mark.parametrize("name", ["macunet_gid", "macunet_whdld_paper"])
def test_shipped_configs_read_back_the_same(name, tmp_path):
    config = effective_config(ROOT / "configs" / f"{name}.py", [], 0, "here")
    write_config(config, tmp_path / "out.py")
    assert Config.fromfile(tmp_path / "out.py").to_dict() == config.to_dict()


def test_the_budget_hook_is_added_to_a_copy(path):
    config = effective_config(path, [], 0, "here")
    counted = with_budget_hook(config)
    assert counted.default_hooks.training_budget.type == "TrainingBudgetHook"
    assert counted.custom_imports.imports == ["rs_da_mm", "rs_da_mm.studies.budget_hook"]
    assert "default_hooks" not in config


def test_a_test_can_be_on_the_validation_data(path):
    config = effective_config(path, [], 0, "here")
    assert config_of_test(config, "test", {"test_dataloader.batch_size": 3}, "here").test_dataloader.batch_size == 3
    tested = config_of_test(config, "val", {}, "here")
    assert (tested.test_dataloader, tested.test_evaluator) == (config.val_dataloader, {"type": "V"})
    config.test_evaluator = None
    with pytest.raises(StudyError, match="here: the config has no test_evaluator"):
        config_of_test(config, "test", {}, "here")


def test_roots_are_found_in_wrapped_data_sets(path):
    config = effective_config(path, [], 0, "here")
    assert data_roots(config) == ["v", "w", "t"]
    assert data_roots(config, ["test_dataloader"]) == ["t"]


def test_plain_form():
    assert plain({"a": (1, [2.5]), "b": int, 3: None}) == {"a": [1, [2.5]], "b": "builtins.int", "3": None}
