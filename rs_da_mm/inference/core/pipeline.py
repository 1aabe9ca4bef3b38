"""The fast way through a scene: read, compute and write at the same time, to the same bits as one after the other."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.batches import Batch, read_batches
from rs_da_mm.inference.core.blender import Blender, require_same_size
from rs_da_mm.inference.core.plan import WindowPlan
from rs_da_mm.inference.core.protocols import DenseModel, PieceSink, RunCounts, SceneSource
from rs_da_mm.inference.core.worker_threads import Channel, Ended, Workers


@dataclass(frozen=True)
class RowProgress:
    """How far a run is.

    Attributes:
        index: Number of the row of windows that was finished last.
        rows: Rows of the scene that are finished, from the top.
        counts: What the run did so far.
    """

    index: int
    rows: int
    counts: RunCounts


OnRow = Callable[[RowProgress], None]


@dataclass(frozen=True)
class PipelineTimes:
    """Where the time of the caller's thread went, in seconds.

    Attributes:
        total: All of it, until the last row was handed on.
        model: Inside the model.
        waiting_for_input: Until the next batch was read.
        waiting_for_output: Until there was room for more scores, and at the end until all were written.
    """

    total: float
    model: float
    waiting_for_input: float
    waiting_for_output: float


@dataclass(frozen=True)
class PipelineRun:
    """What a run did, and what took how long.

    Attributes:
        counts: How many windows were computed.
        times: Where the time went.
        stopped: Whether it was told to stop before the end.
    """

    counts: RunCounts
    times: PipelineTimes
    stopped: bool


def run_pipeline(
    source: SceneSource,
    plan: WindowPlan,
    model: DenseModel,
    batch_size: int,
    sink: PieceSink,
    start_row: int = 0,
    *,
    ahead: int = 3,
    on_row: OnRow | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> PipelineRun:
    """Compute a scene, or the rest of it.

    One thread reads, the caller's thread computes, and one thread blends and writes: ``source`` is read in one thread only, and
    ``sink`` is called in one only. The scores that the model returns must be its own no more: they are used while it computes
    the next ones.

    Args:
        source: The scene.
        plan: Its windows.
        model: Gives scores for a batch.
        batch_size: Images per batch; every batch has as many.
        sink: Takes finished parts, from the top.
        start_row: Rows that are done already; a number that the sink was told by ``finish_rows`` in an earlier run.
        ahead: Batches that are read before the model asks for them, and as many that can wait to be written. 0 does one after the
            other in the caller's thread, for a model that has all cores to itself.
        on_row: Told of each row of windows that is finished, soon after, in the caller's thread.
        should_stop: Asked before each batch, in the caller's thread. Where it says so, what was computed is still handed on, and
            a run with the sink's last row as ``start_row`` goes on from there.

    Returns:
        How many windows were computed, where the time went, and whether the run was stopped.

    Raises:
        InputError: When ``ahead`` is below 0, the plan is for a scene of another size, ``start_row`` is not where windows finish,
            or the model gives scores of another shape or such that are no numbers.
        BaseException: What the source, the model, the sink or one of the functions raises. No thread is left then.
    """
    if ahead < 0:
        raise InputError(f"{ahead} batches cannot be read ahead; it must be 0 or more.")
    require_same_size(source, plan)
    flow = _Flow(source, plan, batch_size, Blender(plan, sink, start_row), max(ahead, 1))
    run = flow.run if ahead else flow.run_in_turn
    return run(model, on_row or (lambda progress: None), should_stop or (lambda: False))


@dataclass
class _Step:
    """What goes from thread to thread.

    Attributes:
        index: Number of a row of windows.
        batch: Some of its windows; ``None`` when all of them have gone before.
        scores: What the model gave for them.
    """

    index: int
    batch: Batch | None = None
    scores: NDArray[np.float32] | None = None


class _Flow:
    """One way through a scene, and what its three threads share."""

    def __init__(self, source: SceneSource, plan: WindowPlan, batch_size: int, blender: Blender, ahead: int) -> None:
        self._source = source
        self._plan = plan
        self._batch_size = batch_size
        self._blender = blender
        self._read: Channel[_Step] = Channel(ahead)
        self._computed: Channel[_Step] = Channel(ahead)
        self._finished: deque[RowProgress] = deque()
        self._seconds = {field.name: 0.0 for field in fields(PipelineTimes)}

    def run(self, model: DenseModel, on_row: OnRow, should_stop: Callable[[], bool]) -> PipelineRun:
        stopped = False
        with self._spent("total"):
            with Workers(self._read, self._computed) as workers:
                workers.start("scene-reader", self._read_all)
                workers.start("scene-writer", self._write_all)
                with suppress(Ended):  # as when a thread fails, which leaving then raises
                    stopped = self._compute_all(model, on_row, should_stop)
                self._read.close(drop=True)
                self._computed.close()
                with self._spent("waiting_for_output"):
                    workers.join()
            self._tell(on_row)
        return PipelineRun(self._blender.counts, PipelineTimes(**self._seconds), stopped)

    def run_in_turn(self, model: DenseModel, on_row: OnRow, should_stop: Callable[[], bool]) -> PipelineRun:
        stopped = False
        with self._spent("total"):
            for index in range(self._blender.first_index, len(self._plan.rows)):
                if stopped := self._compute_row(index, model, should_stop):
                    break
                with self._spent("waiting_for_output"):
                    self._finish_row(index)
                self._tell(on_row)
        return PipelineRun(self._blender.counts, PipelineTimes(**self._seconds), stopped)

    def _compute_row(self, index: int, model: DenseModel, should_stop: Callable[[], bool]) -> bool:
        """Compute a row of windows, batch by batch; says whether it was told to stop within."""
        batches = read_batches(self._source, self._plan.rows[index], self._batch_size)
        while True:
            with self._spent("waiting_for_input"):
                batch = next(batches, None)
            if batch is None:
                return False
            if should_stop():
                return True
            with self._spent("model"):
                scores = model(batch.pixels, batch.valid)
            with self._spent("waiting_for_output"):
                self._blender.add(batch, scores)

    def _finish_row(self, index: int) -> None:
        self._blender.finish(index)
        self._finished.append(RowProgress(index, self._plan.finished_rows(index)[1], replace(self._blender.counts)))

    def _read_all(self) -> None:
        for index in range(self._blender.first_index, len(self._plan.rows)):
            for batch in read_batches(self._source, self._plan.rows[index], self._batch_size):
                self._read.put(_Step(index, batch))
            self._read.put(_Step(index))
        self._read.close()

    def _compute_all(self, model: DenseModel, on_row: OnRow, should_stop: Callable[[], bool]) -> bool:
        """Give batches to the model until there are no more; says whether it was told to stop before."""
        while (step := self._next_step()) is not None:
            if step.batch is not None:
                if should_stop():
                    return True
                with self._spent("model"):
                    step.scores = model(step.batch.pixels, step.batch.valid)
            with self._spent("waiting_for_output"):
                self._computed.put(step)
            self._tell(on_row)
        return False

    def _next_step(self) -> _Step | None:
        with self._spent("waiting_for_input"), suppress(Ended):
            return self._read.get()
        return None

    def _write_all(self) -> None:
        while True:
            step = self._computed.get()
            if step.batch is not None:
                self._blender.add(step.batch, cast("NDArray[np.float32]", step.scores))
                continue
            self._finish_row(step.index)

    def _tell(self, on_row: OnRow) -> None:
        while self._finished:
            on_row(self._finished.popleft())

    @contextmanager
    def _spent(self, what: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            self._seconds[what] += time.perf_counter() - start
