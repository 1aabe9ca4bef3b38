from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, MODELS
from mmengine.runner import Runner
from mmengine.runner.checkpoint import load_checkpoint
from tiny_training import TinyModel, same, tiny_config, train

from rs_da_mm import partial_files
from rs_da_mm.engine import save_interrupted
from rs_da_mm.errors import InputError

pytestmark = pytest.mark.usefixtures("fresh_mmengine")


def names(folder):
    return sorted(path.name for path in folder.glob("[!.]*.pth"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory, forget_runs):
    """The work dir of a whole run."""
    folder = tmp_path_factory.mktemp("trained")
    train(tiny_config(folder), forget_runs)
    return folder


@pytest.fixture
def copy(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "copy")
    return tmp_path / "copy"


def resume(folder, forget_runs, load_from=None, **options):
    config = tiny_config(folder, **options)
    config.resume = True
    config.load_from = None if load_from is None else str(load_from)
    return train(config, forget_runs)


def test_a_checkpoint_is_plain_data_that_torch_reads_without_any_trust(trained):
    checkpoint = torch.load(trained / "epoch_3.pth", weights_only=True)
    assert {
        "meta",
        "state_dict",
        "message_hub",
        "optimizer",
        "param_schedulers",
        "run_state",
        "ema_state_dict",
    } <= checkpoint.keys()
    assert checkpoint["meta"]["epoch"] == 3
    assert checkpoint["meta"]["iter"] == 15
    assert not [name for name in checkpoint["state_dict"] if name.startswith("module.") or ".module." in name]


def test_stock_mmengine_takes_the_weights(trained):
    model = TinyModel()
    load_checkpoint(model, str(trained / "epoch_3.pth"), strict=True)
    assert torch.equal(model.conv.weight, torch.load(trained / "epoch_3.pth", weights_only=True)["state_dict"]["conv.weight"])


@MODELS.register_module()
class PartlyWrappedModel(TinyModel):
    """One of its networks is in a wrapper, as mmengine's for several networks leaves them."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = torch.nn.DataParallel(self.conv)


def test_names_of_weights_know_nothing_of_wrappers(tmp_path, forget_runs):
    config = tiny_config(tmp_path, hooks=[{"type": "StopHook", "at": 12}])
    config.model.type = "PartlyWrappedModel"
    config.custom_hooks = [hook for hook in config.custom_hooks if hook["type"] != "EMAHook"]
    whole, _ = train(config, forget_runs)
    names = torch.load(tmp_path / "epoch_2.pth", weights_only=True)["state_dict"].keys()
    assert names == TinyModel().state_dict().keys()
    config.custom_hooks = [hook for hook in config.custom_hooks if hook["type"] != "StopHook"]
    config.resume = True
    resumed, _ = train(config, forget_runs)
    assert {i: whole.losses[i] for i in (10, 11)} == {i: resumed.losses[i] for i in (10, 11)}


def test_the_newest_and_the_best_are_kept_and_nothing_else(trained):
    best = Path(torch.load(trained / "epoch_3.pth", weights_only=True)["message_hub"]["runtime_info"]["best_ckpt"]).name
    assert names(trained) == sorted([best, "epoch_2.pth", "epoch_3.pth"])
    assert (trained / "last_checkpoint").read_text() == str(trained / "epoch_3.pth")
    assert not [path for path in trained.rglob("*") if ".partial-" in path.name]


def test_the_best_is_the_best_of_all_validations(trained):
    hub = torch.load(trained / "epoch_3.pth", weights_only=True)["message_hub"]
    scores = hub["log_scalars"]["val/score"]["history"]
    assert hub["runtime_info"]["best_score"] == max(scores.tolist())
    assert f"epoch_{scores.argmax().item() + 1}.pth" in hub["runtime_info"]["best_ckpt"]


def test_the_old_one_goes_only_when_the_new_one_is_there(tmp_path, forget_runs, monkeypatch):
    seen = []
    publish = partial_files.publish

    def watched(partial, target):
        before = names(tmp_path)
        publish(partial, target)
        if target.suffix == ".pth":
            seen.append((target.name, before))

    monkeypatch.setattr("rs_da_mm.files.publish", watched)
    config = tiny_config(tmp_path)
    config.default_hooks.checkpoint.update(max_keep_ckpts=1, save_best=None)
    train(config, forget_runs)
    assert seen == [("epoch_1.pth", []), ("epoch_2.pth", ["epoch_1.pth"]), ("epoch_3.pth", ["epoch_2.pth"])]
    assert names(tmp_path) == ["epoch_3.pth"]


def test_a_full_disk_is_told_and_the_checkpoint_before_stays(copy, forget_runs, monkeypatch):
    before = (copy / "epoch_3.pth").read_bytes()

    def full(partial, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rs_da_mm.files._check_content", full)
    config = tiny_config(copy)
    config.train_cfg.max_epochs = 4
    config.resume = True
    with pytest.raises(InputError, match=r"epoch_4\.pth: the checkpoint cannot be written.*No space left.*--resume"):
        train(config, forget_runs)
    assert (copy / "epoch_3.pth").read_bytes() == before
    assert (copy / "last_checkpoint").read_text().endswith("epoch_3.pth")
    assert "epoch_4.pth" not in names(copy)


def test_a_work_dir_that_was_moved_is_resumed(copy, forget_runs, tmp_path):
    moved = tmp_path / "moved"
    copy.rename(moved)
    resumed, done = resume(moved, forget_runs)
    assert done
    assert resumed.losses == {}


def test_a_work_dir_without_checkpoints_starts_from_the_beginning(tmp_path, forget_runs):
    resumed, _ = resume(tmp_path, forget_runs, log_level="INFO")
    assert sorted(resumed.losses) == list(range(15))
    assert "to resume from: the training begins" in "".join(path.read_text() for path in tmp_path.rglob("*.log"))


def test_nothing_but_damaged_checkpoints_is_an_error_that_names_them(copy, forget_runs):
    for path in copy.glob("epoch_*.pth"):
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"none of its 2 checkpoints can be resumed from.*epoch_3\.pth.*epoch_2\.pth"):
        resume(copy, forget_runs)


def test_weights_alone_cannot_be_resumed_from(copy, forget_runs):
    best = next(copy.glob("best_*.pth"))
    with pytest.raises(InputError, match=r"has no 'optimizer'.*load_from"):
        resume(copy, forget_runs, load_from=best)


@pytest.mark.parametrize("change", ["missing", "shape", "extra"])
def test_weights_of_another_model_are_refused(copy, forget_runs, change, tmp_path):
    checkpoint = torch.load(copy / "epoch_3.pth", weights_only=True)
    for weights in (checkpoint["state_dict"], checkpoint["ema_state_dict"]):
        name = next(name for name in weights if name.endswith("conv.weight"))
        if change == "missing":
            del weights[name]
        elif change == "shape":
            weights[name] = weights[name][:, :1]
        else:
            weights[name.replace("conv", "convolution")] = weights[name]
    torch.save(checkpoint, copy / "epoch_3.pth")
    told = {
        "missing": "conv.weight is missing in the file",
        "shape": r"conv.weight is \(4, 1, 3, 3\) in the file and \(4, 2, 3, 3\) in the model",
        "extra": "convolution.weight is in the file only",
    }[change]
    with pytest.raises(InputError, match=told):
        resume(copy, forget_runs, load_from=copy / "epoch_3.pth")
    config = tiny_config(tmp_path / "tuned")
    config.load_from = str(copy / "epoch_3.pth")
    with pytest.raises(InputError, match=told):
        train(config, forget_runs)
    config.default_hooks.checkpoint.strict = False
    config.train_cfg.max_epochs = 1
    assert train(config, forget_runs)[1]
    log = "".join(path.read_text() for path in (tmp_path / "tuned").rglob("*.log"))
    assert "What fits is loaded." in log


def test_a_run_of_stock_mmengine_can_be_resumed_and_is_told_what_it_lacks(tmp_path, forget_runs):
    config = tiny_config(tmp_path)
    config.train_cfg.type = "EpochBasedTrainLoop"
    config.default_hooks.checkpoint.type = "CheckpointHook"
    config.train_cfg.max_epochs = 1
    train(config, forget_runs)
    resumed, done = resume(tmp_path, forget_runs)
    assert done
    assert sorted(resumed.losses) == list(range(5, 15))
    assert "has no random states" in "".join(path.read_text() for path in tmp_path.rglob("*.log"))


def test_with_mmengines_loop_the_rest_still_holds(tmp_path, forget_runs):
    config = tiny_config(tmp_path)
    config.train_cfg.type = "EpochBasedTrainLoop"
    config.train_cfg.max_epochs = 2
    train(config, forget_runs)
    again = tiny_config(tmp_path)
    again.train_cfg.type = "EpochBasedTrainLoop"
    again.resume = True
    assert sorted(train(again, forget_runs)[0].losses) == list(range(10, 15))


def test_a_metric_that_no_validation_gives_is_told(tmp_path, forget_runs):
    config = tiny_config(tmp_path)
    config.default_hooks.checkpoint.save_best = "mIoU"
    with pytest.raises(InputError, match=r"save_best='mIoU': the validation gives no such metric\. It gives: score"):
        train(config, forget_runs)


@HOOKS.register_module()
class SensorHook(Hook):
    def __init__(self, place):
        self.place = place

    def before_save_checkpoint(self, runner, checkpoint):
        if self.place == "meta":
            checkpoint["meta"]["sensor"] = Path("sensor")

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        if self.place == "hub":
            runner.message_hub.update_info("sensor", Path("sensor"))


def test_what_is_not_plain_is_named(tmp_path, forget_runs):
    with pytest.raises(InputError, match=r"meta\.sensor is a .*Path"):
        train(tiny_config(tmp_path, hooks=[{"type": "SensorHook", "place": "meta"}]), forget_runs)


def test_what_is_not_plain_in_the_message_hub_is_left_out_and_told(tmp_path, forget_runs):
    train(tiny_config(tmp_path, hooks=[{"type": "SensorHook", "place": "hub"}]), forget_runs)
    assert "sensor" not in torch.load(tmp_path / "epoch_3.pth", weights_only=True)["message_hub"]["runtime_info"]
    assert "Not saved, because they are not plain data: sensor" in "".join(p.read_text() for p in tmp_path.rglob("*.log"))


def test_another_folder_for_checkpoints(tmp_path, forget_runs):
    config = tiny_config(tmp_path / "run")
    config.default_hooks.checkpoint.out_dir = str(tmp_path / "elsewhere")
    config.train_cfg.max_epochs = 2
    train(config, forget_runs)
    assert "epoch_2.pth" in names(tmp_path / "elsewhere" / "run")
    again = tiny_config(tmp_path / "run")
    again.default_hooks.checkpoint.out_dir = str(tmp_path / "elsewhere")
    again.resume = True
    assert sorted(train(again, forget_runs)[0].losses) == list(range(10, 15))


def test_published_keys_give_a_file_with_its_hash(tmp_path, forget_runs):
    config = tiny_config(tmp_path)
    config.default_hooks.checkpoint.update(published_keys=["meta", "state_dict"], save_best=None)
    train(config, forget_runs)
    (published,) = tmp_path.glob("epoch_3-*.pth")
    read = torch.load(published, weights_only=True)
    assert read.keys() == {"meta", "state_dict"}
    assert same(read["state_dict"], torch.load(tmp_path / "epoch_3.pth", weights_only=True)["state_dict"]) == []


def test_several_metrics_have_a_best_each(tmp_path, forget_runs):
    config = tiny_config(tmp_path)
    config.val_evaluator = [{"type": "TinyMetric"}, {"type": "TinyMetric", "prefix": "other"}]
    config.default_hooks.checkpoint.update(save_best=["score", "other/score"], rule=["greater", "less"])
    train(config, forget_runs)
    assert len(list(tmp_path.glob("best_score_*.pth"))) == 1
    assert len(list(tmp_path.glob("best_other_score_*.pth"))) == 1


def test_saving_between_checkpoints_needs_the_hook(tmp_path, forget_runs):
    forget_runs()
    config = tiny_config(tmp_path)
    config.default_hooks.checkpoint.type = "CheckpointHook"
    with pytest.raises(InputError, match="it has no AtomicCheckpointHook"):
        save_interrupted(Runner.from_cfg(config))


def test_more_epochs_go_on_from_a_run_that_had_ended(copy, forget_runs):
    config = tiny_config(copy)
    config.train_cfg.max_epochs = 5
    config.resume = True
    assert sorted(train(config, forget_runs)[0].losses) == list(range(15, 25))


def test_a_copied_work_dir_goes_on_from_its_own_files(copy, trained, forget_runs):
    assert (copy / "last_checkpoint").read_text() == str(trained / "epoch_3.pth")
    config = tiny_config(copy, log_level="INFO")
    config.train_cfg.max_epochs = 4
    config.resume = True
    train(config, forget_runs)
    assert f"Load checkpoint from {copy / 'epoch_3.pth'}" in "".join(path.read_text() for path in copy.rglob("*.log"))


def test_a_copied_work_dir_leaves_the_others_best_checkpoint_alone(copy, trained, forget_runs):
    before = names(trained)
    former = next(copy.glob("best_*.pth"))
    config = tiny_config(copy)
    config.default_hooks.checkpoint.rule = "less"  # so that a score below the best so far takes its place
    config.train_cfg.max_epochs = 8
    config.resume = True
    train(config, forget_runs)
    assert not former.exists(), "another best took its place"
    assert len(list(copy.glob("best_*.pth"))) == 1
    assert names(trained) == before
