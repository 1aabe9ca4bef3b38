from __future__ import annotations

import pytest

from rs_da_mm.datasets.samples.marker import SAMPLE_FILE, read_note
from rs_da_mm.datasets.samples.miniature import Miniature, make_miniature
from rs_da_mm.errors import DatasetError, InputError

WRITTEN = []


def write(folder, seed, size):
    WRITTEN.append((seed, size))
    for number in range(3):
        path = folder / "images" / f"{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{seed} {size} {number}")


TOY = Miniature("toy", "the Toy Set", "Toy/part one", write)


@pytest.fixture(autouse=True)
def _nothing_written_yet():
    WRITTEN.clear()


def contents(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_miniature_is_written_with_its_note(tmp_path):
    made = make_miniature(TOY, tmp_path, seed=5, size="small")
    assert made.root == tmp_path / "Toy/part one"
    assert made.written
    assert made.files == 3
    assert made.megabytes == pytest.approx(3 * len("5 small 0") / 1e6)
    note = read_note(made.root)
    assert note["made by"] == "python tools/make_sample_data.py toy --seed 5 --size small"
    assert (note["seed"], note["size"], note["files"]) == ("5", "small", "3")
    assert [path.name for path in (tmp_path / "Toy").iterdir()] == ["part one"]


def test_the_same_one_is_left_alone_with_what_was_added(tmp_path):
    root = make_miniature(TOY, tmp_path).root
    (root / "splits").mkdir()
    (root / "splits/random.json").write_text("{}")
    before = contents(root)
    made = make_miniature(TOY, tmp_path)
    assert not made.written
    assert made.files == 3
    assert len(WRITTEN) == 1
    assert contents(root) == before


@pytest.mark.parametrize("damage", ["missing", "changed", "added"])
def test_one_with_damage_is_made_anew(tmp_path, damage):
    root = make_miniature(TOY, tmp_path).root
    whole = contents(root)
    if damage == "missing":
        (root / "images/1.txt").unlink()
    else:
        (root / f"images/{1 if damage == 'changed' else 9}.txt").write_text("something else")
    assert make_miniature(TOY, tmp_path).written
    assert contents(root) == whole


def test_force_makes_the_same_one_anew(tmp_path):
    root = make_miniature(TOY, tmp_path).root
    (root / "splits").mkdir()
    assert make_miniature(TOY, tmp_path, force=True).written
    assert not (root / "splits").exists()


@pytest.mark.parametrize("other", [{"seed": 1}, {"size": "small"}])
def test_another_one_is_replaced_only_by_force(tmp_path, other):
    root = make_miniature(TOY, tmp_path).root
    before = contents(root)
    with pytest.raises(DatasetError, match=r"another miniature .* replace it with --force"):
        make_miniature(TOY, tmp_path, **other)
    assert contents(root) == before
    assert make_miniature(TOY, tmp_path, **other, force=True).written
    assert contents(root) != before


@pytest.mark.parametrize("force", [False, True])
def test_real_data_is_never_touched(tmp_path, force):
    root = tmp_path / TOY.folder
    (root / "images").mkdir(parents=True)
    (root / "images/real.tif").write_bytes(b"precious")
    with pytest.raises(DatasetError, match=f"without a {SAMPLE_FILE}.*--root"):
        make_miniature(TOY, tmp_path, force=force)
    assert contents(root) == {"images/real.tif": b"precious"}
    assert not WRITTEN


def test_an_empty_folder_is_no_data(tmp_path):
    (tmp_path / TOY.folder).mkdir(parents=True)
    assert make_miniature(TOY, tmp_path).written


def test_what_a_killed_run_left_is_made_anew(tmp_path):
    partial = tmp_path / "Toy/.part one.partial/images"
    partial.mkdir(parents=True)
    (partial / "left.txt").write_text("half")
    root = make_miniature(TOY, tmp_path).root
    assert sorted(contents(root)) == [SAMPLE_FILE, "images/0.txt", "images/1.txt", "images/2.txt"]
    assert [path.name for path in (tmp_path / "Toy").iterdir()] == ["part one"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("No space left on device")])
def test_a_run_that_fails_leaves_the_old_one_and_nothing_half_done(tmp_path, error):
    root = make_miniature(TOY, tmp_path).root
    before = contents(root)

    def fail(folder, seed, size):
        write(folder, seed, size)
        raise error

    failing = Miniature(TOY.name, TOY.title, TOY.folder, fail)
    with pytest.raises(KeyboardInterrupt if error is KeyboardInterrupt else DatasetError):
        make_miniature(failing, tmp_path, seed=2, force=True)
    assert contents(root) == before
    assert [path.name for path in (tmp_path / "Toy").iterdir()] == ["part one"]


def test_a_negative_seed_is_the_users_mistake(tmp_path):
    with pytest.raises(InputError, match=r"-1.*0 or more"):
        make_miniature(TOY, tmp_path, seed=-1)
