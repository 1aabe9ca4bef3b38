"""Which checkpoint of a training is handed on."""

from __future__ import annotations

import pytest

from rs_da_mm.studies.chosen_checkpoint import check_selection, choose_checkpoint, last_checkpoint, selection_in_words
from rs_da_mm.studies.fields import StudyError


def config(save_best):
    return {"default_hooks": {"checkpoint": {"save_best": save_best}}}


@pytest.fixture
def work_dir(tmp_path):
    for name in ("epoch_2.pth", "epoch_10.pth", "best_mIoU_epoch_9.pth", "best_mIoU_epoch_10.pth", "best_val_OA_epoch_12.pth"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("select", "save_best", "name"),
    [
        ("best", "mIoU", "best_mIoU_epoch_10.pth"),
        ("best", ["val/OA", "mIoU"], "best_val_OA_epoch_12.pth"),
        ("best", "auto", "best_val_OA_epoch_12.pth"),
        ("last", "mIoU", "epoch_10.pth"),
        ("best_mIoU_*.pth", None, "best_mIoU_epoch_10.pth"),
    ],
)
def test_the_latest_of_those_that_fit(work_dir, select, save_best, name):
    assert choose_checkpoint(work_dir, select, config(save_best)).name == name


def test_what_last_checkpoint_names_counts_wherever_the_folder_is_now(work_dir):
    (work_dir / "last_checkpoint").write_text("C:\\elsewhere\\epoch_2.pth")
    assert last_checkpoint(work_dir).name == "epoch_2.pth"
    (work_dir / "last_checkpoint").write_text("/elsewhere/interrupted.pth")
    assert last_checkpoint(work_dir).name == "epoch_10.pth"


def test_nothing_to_choose_is_told(tmp_path):
    with pytest.raises(StudyError, match="ended without a checkpoint"):
        choose_checkpoint(tmp_path, "last", {})
    (tmp_path / "epoch_1.pth").touch()
    with pytest.raises(StudyError, match=r"finds no file 'best_mIoU_\*\.pth'; there is epoch_1\.pth"):
        choose_checkpoint(tmp_path, "best", config("mIoU"))


def test_selections_are_checked_and_put_in_words():
    check_selection("best", config("mIoU"), "here")
    check_selection("last", {}, "here")
    with pytest.raises(StudyError, match="here: select is 'best'"):
        check_selection("best", {}, "here")
    assert selection_in_words("best", config("mIoU")) == "the checkpoint with the best mIoU on the validation data"
    assert selection_in_words("lowest*.pth", {}) == "the checkpoint lowest*.pth"
