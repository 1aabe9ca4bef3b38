from __future__ import annotations

import argparse

import pytest
from mmengine.registry import MODELS
from torch.utils.data import DataLoader, Dataset

from rs_da_mm.engine.command_line import add_common_arguments, plain_message, read_config, run_tool
from rs_da_mm.errors import InputError, RasterError


def parse(*words):
    parser = argparse.ArgumentParser()
    add_common_arguments(parser)
    return parser.parse_args([str(word) for word in words])


@pytest.fixture
def config_file(tmp_path):
    path = tmp_path / "small.py"
    path.write_text("model = dict(type='Net', depth=3)\ntrain_cfg = dict(max_epochs=5)\n")
    return path


def test_overrides_reach_the_config_and_the_work_dir_is_named_after_it(config_file):
    config = read_config(parse(config_file, "--cfg-options", "train_cfg.max_epochs=2", "model.depth=[1,2]"), ["model"])
    assert config.train_cfg.max_epochs == 2
    assert config.model.depth == [1, 2]
    assert config.work_dir.replace("\\", "/") == "work_dirs/small"
    assert config.launcher == "none"


def test_a_hook_set_to_none_is_off(tmp_path):
    path = tmp_path / "hooks.py"
    path.write_text("default_hooks = dict(logger=dict(type='LoggerHook'), early_stopping=dict(type='EarlyStoppingHook'))\n")
    hooks = read_config(
        parse(path, "--cfg-options", "default_hooks.early_stopping=None", "default_hooks.timer=None"), []
    ).default_hooks
    assert hooks == dict(logger=dict(type="LoggerHook"), timer=None)  # the runner itself takes its own hooks out


def test_the_work_dir_of_the_command_line_wins(config_file, tmp_path):
    assert read_config(parse(config_file, "--work-dir", tmp_path / "here"), []).work_dir == str(tmp_path / "here")


def test_a_path_with_a_space_arrives_whole(config_file):
    options = ["--cfg-options", "model.root=data/GID/Large-scale Classification_5classes", "model.sizes=[1, 2]"]
    model = read_config(parse(config_file, *options), []).model
    assert model.root == "data/GID/Large-scale Classification_5classes"
    assert model.sizes == [1, 2]


def test_an_override_without_a_value_is_told(config_file, capsys):
    with pytest.raises(SystemExit):
        parse(config_file, "--cfg-options", "train_cfg.max_epochs")
    assert "expected KEY=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(("mean", "fits"), [([0.0] * 4, True), ([0.0], True), (0.0, True), ([0.0] * 3, False)])
def test_a_config_with_two_band_counts_is_refused(tmp_path, mean, fits):
    path = tmp_path / "bands.py"
    path.write_text(f"model = dict(data_preprocessor=dict(mean={mean}), backbone=dict(in_channels=4))")
    if fits:
        read_config(parse(path), [])
    else:
        with pytest.raises(InputError, match=r"bands\.py: model\.backbone\.in_channels is 4, and .* has 3 values"):
            read_config(parse(path), [])


def test_a_key_of_the_runner_may_be_added(config_file):
    assert read_config(parse(config_file, "--cfg-options", "randomness.seed=7"), []).randomness.seed == 7


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere.py"], "no such config file"),
        (["small.py", "--cfg-options", "train_cgf.max_epochs=2"], "Did you mean 'train_cfg'"),
        (["small.py", "--cfg-options", "qqqqqq=2"], "The config has: model, train_cfg"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_said_in_one_sentence(config_file, monkeypatch, words, told):
    monkeypatch.chdir(config_file.parent)
    with pytest.raises(InputError, match=told):
        read_config(parse(*words), [])


def test_a_missing_key_is_named(config_file):
    with pytest.raises(InputError, match=r"small\.py: the key 'train_dataloader' is missing"):
        read_config(parse(config_file), ["model", "train_dataloader"])


def test_a_broken_config_names_file_and_error(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("model = dict(\n")
    with pytest.raises(InputError, match=r"broken\.py: cannot be read as a config: SyntaxError"):
        read_config(parse(path), [])


def test_yaml_is_refused_because_its_tags_are_executed(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("model: 1\n")
    with pytest.raises(InputError, match=r"a config is a \.py or \.json file"):
        read_config(parse(path), [])


class FailingDataset(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        raise RasterError(f"scene {index}.tif: cut off")


def test_the_message_of_a_worker_comes_out_plain():
    with pytest.raises(RasterError) as caught:
        list(DataLoader(FailingDataset(), num_workers=1))
    assert "Traceback" in str(caught.value)
    assert plain_message(caught.value) == "scene 0.tif: cut off"


def test_the_message_of_a_build_comes_out_plain():
    class Refusing:
        def __init__(self):
            raise InputError("data/GID: there is no such folder")

    MODELS.register_module(module=Refusing, force=True)
    try:
        with pytest.raises(InputError) as caught:
            MODELS.build(dict(type="Refusing"))
    finally:
        MODELS.module_dict.pop("Refusing")
    assert plain_message(caught.value) == "data/GID: there is no such folder"


def leaves_with(main, capsys):
    with pytest.raises(SystemExit) as left:
        run_tool(main)
    return left.value.code, capsys.readouterr().err


def test_an_input_error_leaves_with_one_line(capsys):
    def main():
        raise InputError("scene.tif: is not there")

    assert leaves_with(main, capsys) == (1, "error: scene.tif: is not there\n")


def test_an_unknown_type_is_named(capsys):
    status, text = leaves_with(lambda: MODELS.build(dict(type="NoSuchNet")), capsys)
    assert status == 1
    assert "type='NoSuchNet'" in text
    assert text.count("\n") == 1


def test_any_other_error_keeps_its_traceback():
    def main():
        raise KeyError("depth")

    with pytest.raises(KeyError, match="depth"):
        run_tool(main)
