"""Reading, computing and writing at the same time: the same bits, and no thread that outlives its run."""

from __future__ import annotations

import _thread
import threading
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_scenes import ArraySource, Canvas, Convolution, map_rows, plans, scenes

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.pipeline import run_pipeline
from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.inference.resumable.resumable_output import ResumableOutput
from rs_da_mm.inference.resumable.working_file import Layer
from rs_da_mm.raster import Scene, Window, write_raster
from rs_da_mm.raster.handles import release

pytestmark = pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    before = threading.enumerate()
    yield
    assert threading.enumerate() == before


class Diary:
    """A sink that notes every call, bit by bit."""

    def __init__(self):
        self.calls = []

    def write(self, piece):
        self.calls.append((piece.row, piece.col, piece.scores.shape, piece.scores.tobytes(), piece.covered.tobytes()))

    def finish_rows(self, start, stop, counts):
        self.calls.append((start, stop))

    @property
    def stops(self):
        return [call[1] for call in self.calls if len(call) == 2]

    def after(self, row):
        """The calls for what lies below a row that was finished."""
        place = next((place for place, call in enumerate(self.calls) if len(call) == 2 and call[1] == row), -1)
        return self.calls[place + 1 :]


@settings(deadline=None, max_examples=60)
@given(st.data(), scenes(), st.integers(1, 5), st.integers(0, 4))
def test_it_makes_the_same_calls_as_one_after_the_other(data, source, batch_size, ahead):
    plan, model, expected, diary = data.draw(plans(source, 0)), Convolution(2), Diary(), Diary()
    counts = map_rows(source, plan, model, batch_size, expected)
    batches = model.batches.copy()
    start_row = data.draw(st.sampled_from([0, *expected.stops]))
    run = run_pipeline(source, plan, model, batch_size, diary, start_row, ahead=ahead)
    assert diary.calls == expected.after(start_row)
    assert not run.stopped
    if start_row == 0:
        assert run.counts == counts
        assert model.batches == 2 * batches


@settings(deadline=None, max_examples=40)
@given(st.data(), scenes(), st.integers(1, 3), st.integers(0, 30))
def test_a_stopped_run_hands_on_what_it_computed_and_goes_on_from_there(data, source, batch_size, batches):
    plan, expected, diary, rows = data.draw(plans(source, 0)), Diary(), Diary(), []
    total = len(map_rows_batches(source, plan, batch_size, expected))
    asked = iter(range(batches + 1))
    run = run_pipeline(
        source,
        plan,
        Convolution(2),
        batch_size,
        diary,
        ahead=data.draw(st.sampled_from([0, 3])),
        on_row=rows.append,
        should_stop=lambda: next(asked) == batches,
    )
    assert run.stopped == (batches < total)
    assert diary.calls == expected.calls[: len(diary.calls)]
    if run.stopped:
        reached = map_rows_batches(source, plan, batch_size, Diary())[batches]  # the row of windows that was not computed whole
        assert [row.index for row in rows] == list(range(reached))
    done = diary.stops[-1] if diary.stops else 0
    rest = Diary()
    run_pipeline(source, plan, Convolution(2), batch_size, rest, done)
    assert rest.calls == expected.after(done)


def map_rows_batches(source, plan, batch_size, sink):
    """The row of windows of each batch."""
    model = Convolution(2)
    map_rows(source, plan, model, batch_size, sink)
    rows = []
    for index, row in enumerate(plan.rows):
        kept = sum(source.read_with_valid(window)[1].any() for window in row.windows)
        rows += [index] * -(-int(kept) // batch_size)
    assert len(rows) == len(model.batches)
    return rows


def ones(height, width):
    return ArraySource(np.ones((height, width, 1), np.uint8))


def test_each_job_has_its_thread():
    threads = {"read": set(), "model": set(), "write": set(), "row": set(), "stop": set()}

    def noted(job, function):
        def call(*args):
            threads[job].add(threading.get_ident())
            return function(*args)

        return call

    source, canvas, rows = ones(12, 9), Canvas(2, 12, 9), []
    source.read_with_valid = noted("read", source.read_with_valid)
    canvas.write, canvas.finish_rows = noted("write", canvas.write), noted("write", canvas.finish_rows)
    run_pipeline(
        source,
        plan_windows(12, 9, 4, 2),
        noted("model", Convolution(1)),
        2,
        canvas,
        on_row=noted("row", rows.append),
        should_stop=noted("stop", lambda: False),
    )
    here = {threading.get_ident()}
    assert threads["model"] == threads["row"] == threads["stop"] == here
    assert len(threads["read"]) == len(threads["write"]) == 1
    assert len(threads["read"] | threads["write"] | here) == 3


def test_rows_are_told_in_order_with_what_was_done():
    valid = np.ones((10, 8), np.uint8)
    valid[:4, 4:] = 0
    rows = []
    run = run_pipeline(
        ArraySource(np.ones((10, 8, 1), np.uint8), valid), plan_windows(10, 8, 4, 0), Convolution(1), 1, Canvas(2, 10, 8),
        on_row=rows.append,
    )  # fmt: skip
    assert [(row.index, row.rows, row.counts.computed, row.counts.empty) for row in rows] == [
        (0, 4, 1, 1),
        (1, 6, 3, 1),  # the last row of windows begins at row 6, to end at the edge
        (2, 10, 5, 1),
    ]
    assert run.counts == rows[-1].counts


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(0.05)  # for what should not happen


@pytest.mark.parametrize("ahead", [1, 4])
def test_the_reader_is_ahead_and_no_further(ahead):
    source, model, seen = ones(4, 200), Convolution(1), []

    def slow(pixels, valid):
        if not seen:
            wait_for(lambda: len(source.reads) >= ahead + 2)
            seen.append(len(source.reads))
        return model(pixels, valid)

    run_pipeline(source, plan_windows(4, 200, 4, 0), slow, 1, Canvas(2, 4, 200), ahead=ahead)
    assert seen == [ahead + 2]  # one with the model, one in the reader's hand


@pytest.mark.parametrize("ahead", [1, 4])
def test_a_slow_writer_holds_the_model_back(ahead):
    model, seen = Convolution(1), []
    # Rows of one window, so batches and ends of rows in turns: one end at the writer, others waiting, one in the caller's hand.
    expected = 1 + (ahead + 2) // 2

    class Slow(Canvas):
        def write(self, piece):
            if not seen:
                wait_for(lambda: len(model.batches) >= expected)
                seen.append(len(model.batches))
            super().write(piece)

    run_pipeline(ones(80, 4), plan_windows(80, 4, 4, 0), model, 1, Slow(2, 80, 4), ahead=ahead)
    assert seen == [expected]


@pytest.mark.parametrize("ahead", [0, 3])
def test_where_the_time_goes(ahead):
    def timed(read=0.0, compute=0.0, write=0.0, ahead=3):
        source, model, canvas = ones(4, 64), Convolution(1), Canvas(2, 4, 64)
        read_pixels, write_piece = source.read_with_valid, canvas.finish_rows
        source.read_with_valid = lambda window: (time.sleep(read), read_pixels(window))[1]
        canvas.finish_rows = lambda *rows: (time.sleep(16 * write), write_piece(*rows))[1]

        def slow(pixels, valid):
            time.sleep(compute)
            return model(pixels, valid)

        return run_pipeline(source, plan_windows(4, 64, 4, 0), slow, 1, canvas, ahead=ahead).times

    reading, computing, writing = (timed(**{slow: 0.02}, ahead=ahead) for slow in ("read", "compute", "write"))
    assert reading.waiting_for_input > 0.8 * 16 * 0.02
    assert computing.model > 16 * 0.02
    assert writing.waiting_for_output > 0.8 * 16 * 0.02
    for times, most in ((reading, "waiting_for_input"), (computing, "model"), (writing, "waiting_for_output")):
        parts = {part: getattr(times, part) for part in ("waiting_for_input", "model", "waiting_for_output")}
        assert max(parts, key=parts.get) == most
        assert sum(parts.values()) <= times.total


class Broken(Exception):
    pass


def failing(function, call):
    """The function, that fails when it is called so often."""
    calls = iter(range(1000))

    def fails_here(*args):
        if next(calls) == call:
            raise Broken
        return function(*args)

    return fails_here


@pytest.mark.parametrize("error", [Broken, KeyboardInterrupt, SystemExit, StopIteration])
@pytest.mark.parametrize("call", [0, 3])
@pytest.mark.parametrize("job", ["read", "model", "write", "finish", "row", "stop"])
def test_a_failure_anywhere_ends_all_and_is_raised_once(job, call, error):
    source, model, canvas = ones(40, 8), Convolution(1), Canvas(2, 40, 8)
    calls = iter(range(1000))

    def failing(name, function):
        def fails_here(*args):
            if name == job and next(calls) == call:
                raise error("here")
            return function(*args)

        return fails_here

    source.read_with_valid = failing("read", source.read_with_valid)
    canvas.write, canvas.finish_rows = failing("write", canvas.write), failing("finish", canvas.finish_rows)
    # A generator, as the reader's batches are, turns a StopIteration into a RuntimeError.
    raised = RuntimeError if error is StopIteration and job == "read" else error
    with pytest.raises(raised) as caught:
        run_pipeline(
            source,
            plan_windows(40, 8, 4, 0),
            failing("model", model),
            1,
            canvas,
            ahead=1,
            on_row=failing("row", lambda row: None),
            should_stop=failing("stop", lambda: False),
        )
    origin = caught.value.__cause__ if raised is not error else caught.value
    assert traceback.extract_tb(origin.__traceback__)[-1].name == "fails_here"


def test_an_interrupt_while_the_reader_is_slow():
    source = ones(8, 8)
    read = source.read_with_valid

    def slow(window):
        _thread.interrupt_main()
        time.sleep(0.1)
        return read(window)

    source.read_with_valid = slow
    canvas = Canvas(2, 8, 8)
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(source, plan_windows(8, 8, 4, 0), Convolution(1), 1, canvas)
    assert not canvas.bands


def test_an_interrupt_while_the_last_rows_are_written():
    canvas = Canvas(2, 4, 4)
    finish = canvas.finish_rows

    def slow(*rows):
        _thread.interrupt_main()
        time.sleep(0.3)
        finish(*rows)

    canvas.finish_rows = slow
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(ones(4, 4), plan_windows(4, 4, 4, 0), Convolution(1), 1, canvas)
    assert canvas.bands == [(0, 4)]  # what was begun is brought to its end


def test_what_was_finished_before_a_failure_is_gone_on_from(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 200, (40, 30, 2), dtype=np.uint16)
    source, plan = ArraySource(pixels), plan_windows(40, 30, 8, 3)
    layer = Layer("scores", "float32", 2)

    class Sink:
        def __init__(self, output):
            self.output = output
            self.finish_rows = output.finish_rows

        def write(self, piece):
            self.output.write(piece.row, piece.col, {"scores": piece.scores})

    def compute(folder, model, ways=run_pipeline):
        with ResumableOutput(tmp_path / folder, {}, [layer], 40, 30) as output:
            start = output.start_row
            ways(source, plan, model, 2, Sink(output), start)
            return start, output.read("scores", Window(0, 0, 40, 30))

    _, expected = compute("whole", Convolution(2), map_rows)
    with pytest.raises(Broken):
        compute("parts", failing(Convolution(2), 13))
    start, scores = compute("parts", Convolution(2))
    assert start > 0
    assert scores.tobytes() == expected.tobytes()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="it cannot be asked which files are open")
def test_the_scene_is_closed_when_the_reader_ends(tmp_path):
    path = tmp_path / "scene.tif"
    write_raster(path, np.ones((20, 20, 1), np.uint8), blocksize=16)
    scene = Scene(path)
    during = []

    def is_open():
        return any(entry.resolve() == path for entry in Path("/proc/self/fd").iterdir())

    class Watched:
        height, width = 20, 20

        def read_with_valid(self, window):
            try:
                return scene.read_with_valid(window)
            finally:
                during.append(is_open())

    release(path)
    run_pipeline(Watched(), plan_windows(20, 20, 8, 0), Convolution(1), 2, Canvas(2, 20, 20))
    assert all(during)
    assert not is_open()


def test_scores_that_are_no_numbers_are_refused():
    with pytest.raises(InputError, match=r"rows 0\.\.3, columns 0\.\.7"):
        run_pipeline(
            ones(8, 8), plan_windows(8, 8, 4, 0), lambda p, v: np.full((2, 1, 4, 4), np.nan, np.float32), 2, Canvas(1, 8, 8)
        )


def test_a_model_that_gives_nothing_is_no_empty_map():
    with pytest.raises(AttributeError, match="None"):
        run_pipeline(ones(8, 8), plan_windows(8, 8, 4, 0), lambda p, v: None, 2, Canvas(1, 8, 8))


def test_it_says_what_cannot_be():
    with pytest.raises(InputError, match=r"9 x 8 pixels, and the scene has 8 x 8"):
        run_pipeline(ones(8, 8), plan_windows(9, 8, 4, 0), Convolution(1), 1, Canvas(2, 9, 8))
    with pytest.raises(InputError, match="-1 batches cannot be read ahead"):
        run_pipeline(ones(8, 8), plan_windows(8, 8, 4, 0), Convolution(1), 1, Canvas(2, 8, 8), ahead=-1)
