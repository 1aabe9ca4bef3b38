from __future__ import annotations

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner
from tiny_training import JournalHook, TinyDataset, tiny_config, train
from torch.utils.data import DataLoader

from rs_da_mm.engine import ResumableEpochBasedTrainLoop, ResumableIterBasedTrainLoop
from rs_da_mm.errors import InputError

pytestmark = pytest.mark.usefixtures("fresh_mmengine")


def log_of(folder):
    return "".join(path.read_text() for path in folder.rglob("*.log"))


@HOOKS.register_module()
class CallsHook(Hook):
    """Writes down which stages the loop calls, with where it is."""

    def __init__(self):
        self.calls = []

    def _note(self, name):
        def called(runner, *args, batch_idx=None, **kwargs):
            self.calls.append((name, runner.epoch, runner.iter, batch_idx))

        return called

    def __getattribute__(self, name):
        if name.startswith(("before_", "after_")):
            return object.__getattribute__(self, "_note")(name)
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("by_epoch", [True, False])
def test_hooks_are_called_as_mmengines_loops_call_them(tmp_path, forget_runs, by_epoch):
    calls = []
    for name, kind in (("ours", None), ("theirs", EpochBasedTrainLoop if by_epoch else IterBasedTrainLoop)):
        forget_runs()
        config = tiny_config(tmp_path / name, by_epoch=by_epoch, hooks=[{"type": "CallsHook"}])
        if kind is not None:
            config.train_cfg.type = kind.__name__
        runner = Runner.from_cfg(config)
        runner.train()
        calls.append(next(hook for hook in runner.hooks if isinstance(hook, CallsHook)).calls)
    ours, theirs = ([call for call in found if "checkpoint" not in call[0]] for found in calls)
    assert ours == theirs
    assert len(ours) > 50


def test_they_are_mmengines_loops():
    assert issubclass(ResumableEpochBasedTrainLoop, EpochBasedTrainLoop)
    assert issubclass(ResumableIterBasedTrainLoop, IterBasedTrainLoop)


def test_a_sampler_that_ends_starts_again_with_other_draws(tmp_path, forget_runs):
    config = tiny_config(tmp_path, by_epoch=False)
    config.train_dataloader.sampler.type = "DefaultSampler"
    journal, _ = train(config, forget_runs)
    noise = [value for iteration in range(15) for value in journal.noise[iteration]]
    assert len(set(noise)) == 30


@pytest.mark.parametrize("by_epoch", [True, False])
def test_a_sampler_that_ends_is_resumed_too(tmp_path, forget_runs, by_epoch):
    def config(name, **options):
        made = tiny_config(tmp_path / name, by_epoch=by_epoch, interval=1 if by_epoch else 2, **options)
        made.train_dataloader.sampler.type = "DefaultSampler"
        return made

    whole, _ = train(config("whole"), forget_runs)
    train(config("stopped", hooks=[{"type": "StopHook", "at": 13}]), forget_runs)
    again = config("stopped")
    again.resume = True
    resumed, _ = train(again, forget_runs)
    assert resumed.losses == {i: losses for i, losses in whole.losses.items() if i >= (10 if by_epoch else 12)}


def test_a_data_loader_that_was_built_already_is_taken(tmp_path, forget_runs):
    forget_runs()
    config = tiny_config(tmp_path)
    loader = DataLoader(TinyDataset(), batch_size=2, shuffle=True, collate_fn=_listed)
    runner = Runner(**{**_arguments(config), "train_dataloader": loader})
    runner.train()
    assert runner.iter == 15


def _listed(batch):
    return {key: [sample[key] for sample in batch] for key in batch[0]}


def _arguments(config):
    keep = ("model", "work_dir", "val_dataloader", "val_evaluator", "val_cfg", "train_cfg", "optim_wrapper", "default_hooks")
    return {**{key: config[key] for key in keep}, "default_scope": "mmengine", "experiment_name": "built"}


def test_without_a_seed_all_the_same_one_is_resumed(tmp_path, forget_runs):
    whole = tiny_config(tmp_path, hooks=[{"type": "StopHook", "at": 12}], randomness={"seed": None})
    first, _ = train(whole, forget_runs)
    again = tiny_config(tmp_path, randomness={"seed": None})
    again.resume = True
    resumed, _ = train(again, forget_runs)
    assert {i: first.noise[i] for i in (10, 11)} == {i: resumed.noise[i] for i in (10, 11)}
    assert {i: first.losses[i] for i in (10, 11)} == {i: resumed.losses[i] for i in (10, 11)}


def test_other_batches_than_before_are_told_and_the_run_goes_on_at_the_same_share(tmp_path, forget_runs):
    train(tiny_config(tmp_path, length=20, interval=1, hooks=[{"type": "StopHook", "at": 25}]), forget_runs)
    again = tiny_config(tmp_path, length=20)
    again.train_dataloader.batch_size = 4
    again.resume = True
    resumed, done = train(again, forget_runs)
    assert done
    assert "batches in an epoch 10 → 5, samples in a batch 2 → 4" in log_of(tmp_path)
    assert sorted(resumed.losses) == list(range(10, 15)), "epoch 3 of 3, five batches an epoch"


def test_early_stopping_counts_on_and_a_stopped_run_stays_stopped(tmp_path, forget_runs):
    def config(name, patience=2, hooks=()):
        made = tiny_config(tmp_path / name, hooks=hooks)
        made.train_cfg.max_epochs = 8
        stopping = next(hook for hook in made.custom_hooks if hook["type"] == "EarlyStoppingHook")
        stopping.update(patience=patience, min_delta=100.0)  # nothing ever counts as better
        return made

    whole, _ = train(config("whole"), forget_runs)
    assert max(whole.losses) < 39
    train(config("stopped", hooks=[{"type": "StopHook", "at": 7}]), forget_runs)
    again = config("stopped")
    again.resume = True
    resumed, _ = train(again, forget_runs)
    assert max(resumed.losses) == max(whole.losses)
    assert train(again, forget_runs)[0].losses == {}


def test_a_stream_of_samples_is_refused(tmp_path, forget_runs):
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter([])

    config = tiny_config(tmp_path)
    forget_runs()
    runner = Runner(**{**_arguments(config), "train_dataloader": DataLoader(Stream(), batch_size=None)})
    with pytest.raises(InputError, match="comes without batches of indices"):
        runner.train()


def test_persistent_workers_are_gone_after_the_training(tmp_path, forget_runs):
    forget_runs()
    runner = Runner.from_cfg(tiny_config(tmp_path, workers=1))
    runner.train()
    assert runner.train_dataloader._iterator is None
    assert isinstance(next(hook for hook in runner.hooks if isinstance(hook, JournalHook)), JournalHook)
