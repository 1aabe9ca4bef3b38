"""Stopped anywhere, damaged anywhere: the same bytes in the end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_scenes import ArraySource, Convolution, Refusing, map_rows

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.inference.resumable.resumable_output import ResumableOutput
from rs_da_mm.inference.resumable.working_file import Layer
from rs_da_mm.raster import Window

LAYERS = (Layer("labels", "uint8", fill=255), Layer("scores", "float16", channels=2))
SIZE = (60, 50)


class Stop(Exception):
    """The end of a run at some moment."""


class Labels:
    """Labels and scores of what comes in, into a resumable output; stops before its n-th step."""

    def __init__(self, output, steps=10**9):
        self.output, self.steps = output, steps

    def write(self, piece):
        self._step()
        labels = np.where(piece.covered, piece.scores.argmax(axis=0), 255).astype(np.uint8)
        self.output.write(piece.row, piece.col, {"labels": labels, "scores": piece.scores.astype(np.float16)})

    def finish_rows(self, start, stop, counts):
        self._step()
        self.output.finish_rows(start, stop)

    def _step(self):
        if not self.steps:
            raise Stop
        self.steps -= 1


def source():
    rng = np.random.default_rng(0)
    valid = np.ones(SIZE, np.uint8)
    valid[15:45, 10:] = 0
    return ArraySource(rng.normal(size=(*SIZE, 2)), valid)


def output(folder, **identity):
    return ResumableOutput(folder, {"model": "ab", **identity}, LAYERS, *SIZE)


def run(folder, steps=10**9, read=True, pause=0.0):
    model = Convolution(2)

    def slowly(pixels, valid):
        time.sleep(pause)
        return model(pixels, valid)

    with output(folder) as out:
        begun = out.start_row
        map_rows(source(), plan_windows(*SIZE, 12, 0.5), slowly, 3, Labels(out, steps), out.start_row)
        result = tuple(out.read(layer.name, Window(0, 0, *SIZE)).tobytes() for layer in LAYERS)
    return begun, result


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole") / "out")[1]


def test_nothing_but_data_is_labelled(tmp_path):
    run(tmp_path / "out")
    with output(tmp_path / "out") as out:
        np.testing.assert_array_equal(out.read("labels", Window(0, 0, *SIZE)) < 2, source().valid)
        assert out.start_row == SIZE[0]
        assert out.read("scores", Window(3, 1, 2, 4)).shape == (2, 2, 4)
        assert sum(place.height * place.width for band in out.bands for place in band.places) >= source().valid.sum()


def test_stopped_before_every_step_it_gives_the_same_bytes(tmp_path, expected):
    begun = set()
    for steps in range(40):
        folder = tmp_path / str(steps)
        try:
            run(folder, steps)
            break
        except Stop:
            pass
        first, result = run(folder)
        begun.add(first)
        assert result == expected
    assert 5 < steps < 39
    assert begun >= {0, 6, 12, 48}


@pytest.mark.parametrize("room", [0, 100, 1500, 2000])
def test_on_a_full_disk_what_is_finished_is_kept_to_go_on_from(tmp_path, expected, room):
    with output(tmp_path / "out") as out:
        raw = out._files["labels"]._file
        raw._file = Refusing(raw._file, room)
        with pytest.raises(InputError, match=r"labels\.rows cannot be written: No space left"):
            map_rows(source(), plan_windows(*SIZE, 12, 0.5), Convolution(2), 3, Labels(out))
    begun, result = run(tmp_path / "out")
    assert begun <= room // 10  # of the labels, a row takes 10 to 50 bytes
    assert result == expected


def damage(folder, how):
    rows = folder / "labels.rows"
    content = bytearray(rows.read_bytes())
    if how == "cut":
        rows.write_bytes(content[: 13 * SIZE[1]])
    elif how == "flip":
        content[14 * SIZE[1] + 3] ^= 1
        rows.write_bytes(content)
    elif how == "missing":
        (folder / "scores.rows").unlink()
    elif how == "journal":
        journal = folder / "journal.jsonl"
        journal.write_bytes(journal.read_bytes()[:-5])


@pytest.mark.parametrize(("how", "start"), [("cut", 12), ("flip", 12), ("missing", 0), ("journal", 48)])
def test_what_is_damaged_is_computed_again(tmp_path, expected, how, start):
    run(tmp_path / "out")
    damage(tmp_path / "out", how)
    begun, result = run(tmp_path / "out")
    assert begun == start
    assert result == expected


def test_another_run_is_refused_while_one_has_it_and_when_it_is_of_something_else(tmp_path):
    with output(tmp_path / "out"), pytest.raises(InputError, match="in use by process"):
        output(tmp_path / "out").__enter__()
    with pytest.raises(InputError, match='model was "ab" and is "cd"'):
        output(tmp_path / "out", model="cd").__enter__()
    with output(tmp_path / "out") as out:  # the refused one left no lock behind
        out.remove()
    assert not (tmp_path / "out").exists()


KILLED = """
import sys
sys.path[:0] = sys.argv[2:]
import test_resumable_output as t
from pathlib import Path
t.run(Path(sys.argv[1]), pause=0.02)
"""


@pytest.mark.slow
def test_killed_at_any_moment_it_gives_the_same_bytes(tmp_path, expected):
    here = Path(__file__).resolve().parent
    command = [sys.executable, "-c", KILLED, str(tmp_path / "out"), str(here), str(here.parent), str(here.parents[1])]
    kills = 0
    moments = np.random.default_rng(0).uniform(0.02, 0.25, 10)
    for moment in moments:
        child = subprocess.Popen(command)
        size = -1
        journal = tmp_path / "out" / "journal.jsonl"
        before = journal.stat().st_size if journal.exists() else 0
        while child.poll() is None and size <= before:  # until it does something
            time.sleep(0.01)
            size = journal.stat().st_size if journal.exists() else 0
        time.sleep(moment)
        child.kill()
        kills += child.wait() != 0
    assert kills >= 2
    assert run(tmp_path / "out")[1] == expected
