"""Running the jobs of a study: what is missing is run, what was interrupted goes on, what is done is left alone."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from rs_da_mm.errors import InputError
from rs_da_mm.folder_locks import LOCK, FolderLock
from rs_da_mm.studies.children import STOPPED_STATUS, Child, StopRequest, last_error
from rs_da_mm.studies.fields import StudyError
from rs_da_mm.studies.outcomes import result_of
from rs_da_mm.studies.plan import Job, Plan
from rs_da_mm.studies.preparation import LOG, Preparation, Prepared
from rs_da_mm.studies.records import DONE, FAILED, STARTED, STOPPED, Record, read_record

_PAUSE = 0.1
_LOCK_PATIENCE = 15.0  # a killed training's data loaders notice after some seconds that it is gone

State = Literal["waiting", "running", "done", "failed", "stopped", "busy"]


class Reporter(Protocol):
    """Who is told what goes on."""

    def event(self, text: str) -> None:
        """Something has happened."""

    def show(self, running: Sequence[tuple[Job, Child]]) -> None:
        """These jobs are running now."""


@dataclass(frozen=True)
class Options:
    """How jobs are run.

    Attributes:
        jobs: How many at a time.
        devices: GPUs, one per job at a time; they take the place of ``jobs``.
        redo: Whether what was made from something else is deleted and made anew.
    """

    jobs: int = 1
    devices: tuple[str, ...] = ()
    redo: bool = False

    def environments(self) -> list[dict[str, str]]:
        """The variables of each place that a job can run in."""
        if self.devices:
            return [{"CUDA_VISIBLE_DEVICES": device} for device in self.devices]
        if self.jobs > 1 and "OMP_NUM_THREADS" not in os.environ:
            return [{"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // self.jobs))}] * self.jobs
        return [{}] * self.jobs


@dataclass
class _Running:
    prepared: Prepared
    child: Child
    lock: FolderLock
    record: Record
    place: dict[str, str]


class Execution:
    """Runs the jobs of a plan.

    Args:
        preparation: Prepares them.
        plan: The jobs to run; those that are done are passed over.
        options: How.
        stop: Asks for a stop.
        reporter: Is told what goes on.
        windows: Chooses the test samples of the panels, by job.
    """

    def __init__(
        self,
        preparation: Preparation,
        plan: Plan,
        options: Options,
        stop: StopRequest,
        reporter: Reporter,
        windows: Callable[[Job], Sequence[int]],
    ) -> None:
        self.preparation = preparation
        self.plan = plan
        self.options = options
        self.stop = stop
        self.reporter = reporter
        self.windows = windows
        self.states: dict[str, State] = dict.fromkeys(plan.jobs, "waiting")
        self._running: list[_Running] = []
        self._places = options.environments()
        self._asked = 0
        self._stopping = False
        self._locked_since: dict[str, float] = {}

    def run(self) -> int:
        """Run everything that can be run.

        Returns:
            0 when all is done; 1 when something failed or is being run by somebody else; 75 or 130 after a stop.

        Raises:
            StudyError: Before anything is run, when finished or interrupted runs were made from something else than the study
                asks for now.
        """
        self._examine()
        try:
            while self._step():
                time.sleep(_PAUSE)
        except BaseException:
            for running in self._running:
                running.child.ask_to_stop()
            raise
        if self._stopping:
            return self.stop.status
        return 1 if any(state in ("failed", "busy") for state in self.states.values()) else 0

    def _step(self) -> bool:
        """Look after what runs and start what can be started; says whether there is more to wait for."""
        self._collect()
        self._pass_stop_on()
        if not self._stopping:
            self._start_ready()
        self.reporter.show([(running.prepared.job, running.child) for running in self._running])
        return bool(self._running) or not (self._stopping or not self._ready())

    def _examine(self) -> None:
        """Find out what is done, and refuse what was made from something else."""
        complaints = []
        for job in self._jobs("waiting"):
            if any(self.states[name] != "done" for name in job.after):
                continue
            prepared = self._prepare(job)
            standing, differences = self.preparation.standing(prepared, read_record(prepared.folder))
            if standing == "done":
                self.states[job.name] = "done"
            elif standing == "changed" and not self.options.redo:
                complaints.append(f"{prepared.folder}: {differences}")
        if complaints:
            more = f" and {len(complaints) - 3} more runs" if len(complaints) > 3 else ""
            raise StudyError(
                f"{self.preparation.configs.study.file}: this was run with other settings than the study asks for now. "
                f"{'. '.join(complaints[:3])}{more}. Change the study back, give it another name, or use --redo, which deletes "
                "these runs and makes them anew."
            )

    def _start_ready(self) -> None:
        for job in self._ready():
            if not self._places:
                return
            try:
                self._start(job)
            except InputError as error:
                self._fail(job, str(error))

    def _start(self, job: Job) -> None:
        prepared = self._prepare(job)
        lock = FolderLock(prepared.folder)
        if not lock.acquire():
            since = self._locked_since.setdefault(job.name, time.monotonic())
            if time.monotonic() - since > _LOCK_PATIENCE:
                self.states[job.name] = "busy"
                self.reporter.event(f"{job.title}: another process is at it ({prepared.folder}); left to that one")
            return
        try:
            self._start_locked(prepared, lock)
        except BaseException:
            lock.release()
            raise

    def _start_locked(self, prepared: Prepared, lock: FolderLock) -> None:
        job, folder, record = prepared.job, prepared.folder, read_record(prepared.folder)
        standing, differences = self.preparation.standing(prepared, record)
        if standing == "changed" and not self.options.redo:
            raise StudyError(f"was run with other settings: {differences}. Use --redo to run it anew")
        if standing == "done":
            lock.release()
            self.states[job.name] = "done"
            return
        if standing in ("changed", "again"):
            _empty(folder)
            record = None
        prepared.write_config()
        command = (*prepared.command, "--resume") if standing == "resume" else prepared.command
        attempts, seconds = (record.attempts, record.seconds) if record is not None else (0, 0.0)
        started = Record(STARTED, prepared.identity, prepared.words, LOG, attempts + 1, seconds)
        started.write(folder)
        place = self._places.pop(0)
        child = Child(command, folder / LOG, place, lock.handles)
        self._running.append(_Running(prepared, child, lock, started, place))
        self.states[job.name] = "running"
        self.reporter.event(f"{job.title}: {'resumed' if standing == 'resume' else 'started'}, log in {folder / LOG}")

    def _collect(self) -> None:
        """Take in what has ended."""
        for running in list(self._running):
            status = running.child.poll()
            if status is not None:
                self._running.remove(running)
                self._places.append(running.place)
                self._conclude(running, status)
                running.lock.release()

    def _conclude(self, running: _Running, status: int) -> None:
        job, prepared, child = running.prepared.job, running.prepared, running.child
        record = replace(running.record, seconds=running.record.seconds + child.seconds, exit_status=status)
        took = f"after {child.seconds:.0f} s"
        if status == 0:
            try:
                done = replace(record, state=DONE, result=result_of(prepared, self._select(job)))
            except InputError as error:
                replace(record, state=FAILED, message=str(error)).write(prepared.folder)
                self._fail(job, str(error))
                return
            done.write(prepared.folder)
            self.states[job.name] = "done"
            self.reporter.event(f"{job.title}: done {took}")
        elif status == STOPPED_STATUS or self._stopping:
            replace(record, state=STOPPED).write(prepared.folder)
            self.states[job.name] = "stopped"
            self._stopping = True
            self.reporter.event(f"{job.title}: stopped {took}; the next start of the study goes on with it")
        else:
            reason = last_error(child.tail())
            replace(record, state=FAILED, message=reason).write(prepared.folder)
            self._fail(job, f"ended with status {status} {took}: {reason} (all of it in {child.log})")

    def _pass_stop_on(self) -> None:
        """Ask the running jobs to stop, once; end them at a second request."""
        if self.stop.signals:
            self._stopping = True
        if not self._stopping:
            return
        if self._asked == 0:
            self._asked = 1
            if self._running:
                self.reporter.event("stopping: trainings save themselves first; a second request ends them at once")
            for running in self._running:
                running.child.ask_to_stop()
        if len(self.stop.signals) > 1 and self._asked == 1:
            self._asked = 2
            for running in self._running:
                running.child.kill()

    def _ready(self) -> list[Job]:
        """The waiting jobs before which everything is done."""
        return [job for job in self._jobs("waiting") if all(self.states[name] == "done" for name in job.after)]

    def _prepare(self, job: Job) -> Prepared:
        return self.preparation.prepare(job, self.windows(job) if job.kind == "panel" else None)

    def _select(self, job: Job) -> str:
        return self.preparation.configs.select(job) if job.kind == "train" else ""

    def _fail(self, job: Job, message: str) -> None:
        self.states[job.name] = "failed"
        self.reporter.event(f"{job.title}: FAILED, {message}")

    def _jobs(self, state: State) -> list[Job]:
        return [job for name, job in self.plan.jobs.items() if self.states[name] == state]


def _empty(folder: Path) -> None:
    """Delete what a run has left in its folder, but for the lock that is being held."""
    for path in folder.iterdir():
        if path.name == LOCK:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
