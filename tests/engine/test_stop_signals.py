from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from rs_da_mm.engine.stop_signals import StopSignals, WorkerShield
from rs_da_mm.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")


ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def wait_for(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_signal_is_remembered_and_told_and_handlers_are_put_back():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    told = []
    with StopSignals(("SIGTERM", "SIGUSR1"), tell=told.append) as stop:
        assert stop.received is None
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_for(lambda: told)
        assert stop.received == signal.SIGUSR1
        os.kill(os.getpid(), signal.SIGUSR1)  # at once: `timeout` and Slurm send to the process and to its group
    assert len(told) == 1
    assert told[0].startswith("SIGUSR1 received")
    assert {number: signal.getsignal(number) for number in before} == before
    assert signal.set_wakeup_fd(-1) == -1


def test_handlers_are_put_back_after_an_error():
    before = signal.getsignal(signal.SIGTERM)

    def fail():
        with StopSignals(("SIGTERM",)):
            assert signal.getsignal(signal.SIGTERM) != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_thread_leaves_with_the_handlers():
    def watching():
        return [thread for thread in threading.enumerate() if thread.name == "stop-signals"]

    with StopSignals(("SIGTERM",)):
        assert len(watching()) == 1
    assert not watching()


def test_in_another_thread_nothing_is_installed():
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work():
        with StopSignals(("SIGTERM",)) as stop:
            seen.append((signal.getsignal(signal.SIGTERM), stop.received))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(before, None)]


def test_the_inner_of_two_leaves_the_outer_alone():
    with StopSignals(("SIGTERM",)) as outer:
        installed = signal.getsignal(signal.SIGTERM)
        with StopSignals(("SIGTERM",)):
            assert signal.getsignal(signal.SIGTERM) == installed
        os.kill(os.getpid(), signal.SIGTERM)
        wait_for(lambda: outer.received is not None)


def test_without_a_thread_the_handler_counts(monkeypatch):
    """Where an event loop listens to signals already."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    told, ended = [], []
    monkeypatch.setattr("rs_da_mm.engine.stop_signals._end", lambda number, message: ended.append((number, message)))
    try:
        with StopSignals(("SIGTERM",), tell=told.append):
            os.kill(os.getpid(), signal.SIGTERM)
            assert len(told) == 1
            monkeypatch.setattr("rs_da_mm.engine.stop_signals.DUPLICATE_SECONDS", 0.0)
            os.kill(os.getpid(), signal.SIGTERM)
            assert ended[0][0] == signal.SIGTERM
            assert "ended at once" in ended[0][1]
        assert signal.set_wakeup_fd(-1) == writer
    finally:
        signal.set_wakeup_fd(-1)
        os.close(reader)
        os.close(writer)


def test_a_name_that_is_no_stop_signal_is_told():
    with pytest.raises(InputError, match=r"'SIGTREM'.*SIGTERM"):
        StopSignals(("SIGTREM",))
    assert StopSignals(("SIGBREAK", "SIGTERM")).numbers == (signal.SIGTERM,), "SIGBREAK is Windows' own"


STUCK = """
import ctypes, sys
from rs_da_mm.engine.stop_signals import StopSignals

with StopSignals(("SIGTERM",), patience=float(sys.argv[1]) or None):
    print("ready", flush=True)
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)  # for ever, without a look at Python's handlers, like a collective
"""


def stuck(patience):
    """A process that waits in C for ever, as for a rank that is gone, with the handlers in place."""
    command = [sys.executable, "-c", STUCK, str(patience)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    return process


@pytest.mark.skipif(sys.platform != "linux", reason="waits on a mutex of Linux' C library")
def test_a_second_signal_ends_a_process_that_waits_in_c():
    process = stuck(patience=0)
    with pytest.raises(subprocess.TimeoutExpired):
        process.communicate(timeout=1.5)
    process.send_signal(signal.SIGTERM)
    _, text = process.communicate(timeout=5)
    assert process.returncode == 128 + signal.SIGTERM
    assert "SIGTERM received again" in text


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="waits on a mutex of Linux' C library")
def test_patience_ends_a_process_that_waits_in_c():
    process = stuck(patience=1)
    began = time.monotonic()
    _, text = process.communicate(timeout=10)
    assert process.returncode == 128 + signal.SIGTERM
    assert "nothing has moved for 1 s" in text
    assert time.monotonic() - began < 5


WORKERS = """
import os, signal, subprocess, sys, time
from torch.utils.data import DataLoader, Dataset
from rs_da_mm.engine.stop_signals import StopSignals, WorkerShield

class Numbers(Dataset):
    def __len__(self):
        return 10000
    def __getitem__(self, index):
        time.sleep(0.02)
        return os.getpid()

if __name__ == "__main__":
    os.setpgid(0, 0)
    names = ("SIGTERM", "SIGUSR1")
    loader = DataLoader(Numbers(), num_workers=2, worker_init_fn=WorkerShield(names), multiprocessing_context=sys.argv[1])
    pids = set()
    with StopSignals(names) as stop:
        for index, batch in enumerate(loader):
            pids |= set(batch.tolist())
            if index == 10:  # from a stranger, to this process and its workers
                subprocess.run(["kill", f"-{sys.argv[2].removeprefix('SIG')}", "--", f"-{os.getpid()}"], start_new_session=True)
            if index == 30:
                assert stop.received.name == sys.argv[2]
                break
        began = time.monotonic()
        del loader
    print(*pids, time.monotonic() - began, flush=True)
"""


@pytest.mark.parametrize(
    ("context", "name"),
    [
        ("fork", "SIGTERM"),
        pytest.param("fork", "SIGUSR1", marks=pytest.mark.slow),
        pytest.param("spawn", "SIGTERM", marks=pytest.mark.slow),
    ],
)
def test_workers_outlive_a_signal_to_the_group_and_end_with_their_loader(tmp_path, context, name):
    (tmp_path / "workers.py").write_text(WORKERS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "workers.py", context, name],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    *pids, seconds = done.stdout.split()
    assert len(pids) == 2
    assert float(seconds) < 4
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_a_worker_obeys_its_loader():
    """What `Process.terminate` sends comes from the parent, and ends a shielded process at once."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    worker = context.Process(target=shielded, daemon=True)
    with StopSignals(("SIGTERM", "SIGUSR1")):
        worker.start()
        time.sleep(0.3)
        worker.terminate()
        worker.join(timeout=5)
    assert worker.exitcode in (0, -signal.SIGTERM)


def shielded():
    WorkerShield(("SIGTERM", "SIGUSR1"))(0)
    time.sleep(60)


def test_a_forked_process_has_no_handlers_and_wakes_nobody():
    with StopSignals(("SIGTERM", "SIGUSR1"), tell=lambda _: None) as stop:
        child = os.fork()
        if child == 0:
            same = signal.getsignal(signal.SIGTERM) == signal.SIG_DFL and signal.set_wakeup_fd(-1) == -1
            os._exit(0 if same else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert signal.getsignal(signal.SIGTERM) == stop._handle
        assert stop.received is None


def test_the_former_initialisation_of_a_worker_still_runs():
    calls = []
    shield = WorkerShield((), calls.append)
    shield._shield = lambda numbers: None
    shield(3)
    assert calls == [3]
