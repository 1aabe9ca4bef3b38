from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from tiny_training import differences, tiny_config, train

from rs_da_mm.engine.hooks.preemption import STOPPED, PreemptionHook
from rs_da_mm.errors import InputError

pytestmark = [
    pytest.mark.usefixtures("fresh_mmengine"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals"),
]
TESTS = Path(__file__).resolve().parents[2]
PREEMPTION = {"type": "PreemptionHook"}


@HOOKS.register_module()
class SignalHook(Hook):
    """Sends a signal to its own process at some point of the training, once."""

    def __init__(self, point, at=0, name="SIGUSR1"):
        self.point, self.at, self.name = point, at, name

    def _send(self, point, now):
        if (point, now) == (self.point, self.at):
            self.at = None
            os.kill(os.getpid(), getattr(signal, self.name))

    def before_train(self, runner):
        self._send("before_train", 0)

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self._send("before_train_iter", runner.iter)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._send("after_train_iter", runner.iter)

    def before_save_checkpoint(self, runner, checkpoint):
        self._send("save", runner.epoch)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self._send("after_val_iter", runner.epoch)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, forget_runs):
    """The last checkpoint of a run that nothing disturbs."""
    made = {}

    def give(by_epoch=True, **options):
        key = (by_epoch, *options.items())
        if key not in made:
            folder = tmp_path_factory.mktemp("whole")
            train(tiny_config(folder, by_epoch=by_epoch, **options), forget_runs)
            made[key] = folder / ("epoch_3.pth" if by_epoch else "iter_15.pth")
        return made[key]

    return give


@pytest.fixture
def stopped(tmp_path, forget_runs):
    """Train until a signal stops it; gives the log."""

    def run(point, at=0, **options):
        before = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as left:
            train(
                tiny_config(tmp_path, hooks=[PREEMPTION, {"type": "SignalHook", "point": point, "at": at}], **options),
                forget_runs,
            )
        assert left.value.code == STOPPED == 75
        assert (signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGTERM)) == before
        return "".join(path.read_text() for path in tmp_path.rglob("*.log"))

    return run


@pytest.fixture
def resumed(tmp_path, forget_runs):
    """Go on with what was stopped; gives the first iteration that was done again or anew."""

    def run(**options):
        config = tiny_config(tmp_path, hooks=[PREEMPTION], **options)
        config.resume = True
        journal, done = train(config, forget_runs)
        assert done
        return min(journal.losses, default=None)

    return run


@pytest.mark.parametrize(
    ("by_epoch", "at"),
    [(True, 2), (False, 14), *(pytest.param(*case, marks=pytest.mark.slow) for case in [(True, 0), (True, 4), (False, 6)])],
)
def test_a_run_stopped_by_a_signal_goes_on_as_if_it_had_not(tmp_path, stopped, resumed, whole, by_epoch, at):
    options = {"by_epoch": by_epoch, "interval": 1 if by_epoch else 3}
    log = stopped("after_train_iter", at, **options)
    name = "iter_15.pth" if at == 14 else "interrupted.pth"  # what has just been saved is not saved again
    assert f"Stopped by SIGUSR1 after iteration {at + 1} of 15. The run is saved in {tmp_path / name}" in log
    assert "--resume" in log
    first = resumed(**options)
    assert first == (at + 1 if at < 14 else None)
    last = tmp_path / ("epoch_3.pth" if by_epoch else "iter_15.pth")
    assert differences(whole(**options), last) == []


def test_a_signal_before_the_first_iteration_lets_it_be_done(tmp_path, stopped, resumed, whole):
    assert "after iteration 1 of 15" in stopped("before_train")
    assert resumed() == 1
    assert differences(whole(), tmp_path / "epoch_3.pth") == []


def test_a_signal_while_a_checkpoint_is_written_leaves_it_whole(tmp_path, stopped, resumed, whole):
    log = stopped("save", 0)
    # The validation that follows finds the checkpoint of its own epoch on the disk.
    assert "Stopped by SIGUSR1 during a validation" in log
    assert str(tmp_path / "epoch_1.pth") in log
    assert resumed() == 5
    assert differences(whole(), tmp_path / "epoch_3.pth") == []


def test_a_validation_after_a_checkpoint_is_begun_again(tmp_path, stopped, resumed, whole):
    log = stopped("after_val_iter", 2, length=10)
    assert f"during a validation, which a resumed run begins again. The run is saved in {tmp_path / 'epoch_2.pth'}" in log
    assert not (tmp_path / "interrupted.pth").exists()
    assert not (tmp_path / "best_score_epoch_2.pth").exists()
    assert resumed() == 10
    assert differences(whole(length=10), tmp_path / "epoch_3.pth") == []
    assert {path.name for path in tmp_path.glob("*.pth")} == {path.name for path in whole(length=10).parent.glob("*.pth")}


def test_a_validation_without_a_checkpoint_is_finished(tmp_path, stopped, resumed, whole):
    assert "Stopped by SIGUSR1 after iteration 6 of 15" in stopped("after_val_iter", 1, interval=2)
    assert (tmp_path / "best_score_epoch_1.pth").exists()
    assert resumed(interval=2) == 6
    assert differences(whole(interval=2), tmp_path / "epoch_3.pth") == []


def test_an_error_in_the_training_puts_the_handlers_back(tmp_path, forget_runs):
    before = signal.getsignal(signal.SIGTERM)
    hooks = [PREEMPTION, {"type": "StopHook", "at": 1}]
    assert not train(tiny_config(tmp_path, hooks=hooks), forget_runs)[1]
    assert signal.getsignal(signal.SIGTERM) == before


def test_validating_alone_installs_nothing(tmp_path, forget_runs, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    seen = []
    monkeypatch.setattr(PreemptionHook, "after_val_iter", lambda *_, **__: seen.append(signal.getsignal(signal.SIGTERM)))
    forget_runs()
    Runner.from_cfg(tiny_config(tmp_path, hooks=[PREEMPTION])).val()
    assert set(seen) == {before}


def test_without_atomic_checkpoints_signals_keep_their_meaning(tmp_path, forget_runs):
    config = tiny_config(tmp_path, hooks=[PREEMPTION])
    config.default_hooks.checkpoint = {"type": "CheckpointHook"}
    config.custom_hooks = [hook for hook in config.custom_hooks if hook["type"] != "EarlyStoppingHook"]
    before = signal.getsignal(signal.SIGTERM)
    forget_runs()
    runner = Runner.from_cfg(config)
    seen = []
    runner.register_hook(_watching(seen))
    runner.train()
    assert set(seen) == {before}
    assert "PreemptionHook: without an AtomicCheckpointHook" in next(tmp_path.rglob("*.log")).read_text()


def _watching(seen):
    class Watching(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            seen.append(signal.getsignal(signal.SIGTERM))

    return Watching()


def test_a_wrong_name_is_told():
    with pytest.raises(InputError, match="'SIGKILL'"):
        PreemptionHook(signals=["SIGKILL"])


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
from mmengine.runner import Runner
from tiny_training import TinyDataset, tiny_config
from rs_da_mm.engine.command_line import run_tool
from rs_da_mm.engine.launcher import finish_ranks, prepare_run
from rs_da_mm.engine.hooks.preemption import PreemptionHook
import time

def slowly(self, idx, load=TinyDataset.prepare_data):
    time.sleep(0.03)
    return load(self, idx)

def main():
    TinyDataset.prepare_data = slowly
    config = tiny_config(sys.argv[2], hooks=[dict(type="PreemptionHook")], workers=int(sys.argv[3]), length=200)
    config.resume = "--resume" in sys.argv
    config.log_level = "INFO"
    config.train_cfg.max_epochs = 30 if "--resume" not in sys.argv else 1
    prepare_run(config, sys.argv[4])
    runner = Runner.from_cfg(config)
    runner.train()
    finish_ranks(runner)

if __name__ == "__main__":
    run_tool(main)
"""


@pytest.fixture
def training(tmp_path):
    """A training in processes of its own that would take a minute."""
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    started = []

    def start(*words, ranks=0, workers=0):
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={ranks}"] if ranks else []
        arguments = [TESTS, tmp_path / "work", workers, "pytorch" if ranks else "none"]
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "-1",
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        with (tmp_path / "output.txt").open("w", encoding="utf-8") as output:
            process = subprocess.Popen(
                [sys.executable, *launcher, str(tmp_path / "script.py"), *map(str, arguments), *words],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()


def output_of(tmp_path, text, seconds=60):
    """What the processes have printed, once a text is among it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        printed = (tmp_path / "output.txt").read_text(encoding="utf-8")
        if text in printed:
            return printed
        time.sleep(0.05)
    raise AssertionError(f"{text!r} is not in:\n{printed}")


def saved_iteration(tmp_path):
    return torch.load(tmp_path / "work" / "interrupted.pth", weights_only=True)["meta"]["iter"]


@pytest.mark.parametrize("name", ["SIGTERM", pytest.param("SIGUSR1", marks=pytest.mark.slow)])
def test_a_signal_to_process_and_workers_stops_in_order(tmp_path, training, name):
    """As a batch system or `timeout` sends it: to every process of the job."""
    process = training(workers=2)
    output_of(tmp_path, "][ 10/100]")
    os.killpg(process.pid, getattr(signal, name))
    assert process.wait(timeout=30) == STOPPED
    text = output_of(tmp_path, "Stopped by")
    assert "Traceback" not in text
    assert "DataLoader worker" not in text
    assert saved_iteration(tmp_path) >= 10
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)  # no worker is left


@pytest.mark.slow
def test_torchrun_hands_its_signal_on(tmp_path, training):
    process = training(ranks=2)
    output_of(tmp_path, "[10/50]")
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) != 0  # torchrun's status is its own
    text = output_of(tmp_path, "Stopped by SIGTERM")
    assert "nothing has moved" not in text
    assert saved_iteration(tmp_path) >= 10


@pytest.mark.slow
def test_a_signal_to_one_rank_stops_all(tmp_path, training):
    process = training(ranks=2)
    output_of(tmp_path, "[10/50]")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[1]), signal.SIGUSR1)
    process.wait(timeout=30)
    text = output_of(tmp_path, "Stopped by a signal to another rank")
    assert text.count("exitcode  : 75") >= 1
    assert "exitcode  : 1 " not in text
    first = saved_iteration(tmp_path)
    assert training("--resume", ranks=2).wait(timeout=60) == 0
    assert f"resumed epoch: 0, iter: {first}" in output_of(tmp_path, "resumed epoch")


def test_under_slurm_rank_0_alone_carries_the_status(tmp_path, forget_runs, monkeypatch):
    from rs_da_mm.engine.hooks import preemption

    waited = []
    monkeypatch.setattr(preemption.time, "sleep", waited.append)
    monkeypatch.setattr(Runner, "launcher", "slurm")
    config = tiny_config(tmp_path, hooks=[PREEMPTION, {"type": "SignalHook", "point": "after_train_iter"}])
    with pytest.raises(SystemExit) as left:
        train(config, forget_runs)
    assert (left.value.code, len(waited)) == (75, 1)
    monkeypatch.setattr(preemption, "is_main_process", lambda: False)
    with pytest.raises(SystemExit) as left:
        train(config, forget_runs)
    assert (left.value.code, len(waited)) == (0, 1)
