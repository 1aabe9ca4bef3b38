from __future__ import annotations

from rs_da_mm.datasets.samples import SAMPLE_FILE, is_sample, sample_notice
from rs_da_mm.datasets.samples.marker import read_note, write_note


def test_a_note_tells_a_miniature_from_data(tmp_path):
    assert not is_sample(tmp_path)
    assert sample_notice(tmp_path) is None
    assert read_note(tmp_path) == {}
    write_note(tmp_path, "Some Set", {"made by": "a: b", "seed": "7"})
    assert SAMPLE_FILE == "SAMPLE_DATA.txt"
    assert is_sample(str(tmp_path))
    assert read_note(tmp_path) == {"made by": "a: b", "seed": "7"}


def test_the_note_and_the_log_line_say_it_plainly(tmp_path):
    write_note(tmp_path, "Some Set", {})
    text = (tmp_path / SAMPLE_FILE).read_text(encoding="utf-8")
    assert text.startswith("SYNTHETIC SAMPLE DATA\n")
    assert "miniature of Some Set" in text
    for said in (text, sample_notice(tmp_path)):
        assert "o result on it says anything about the real data set." in said
    assert str(tmp_path) in sample_notice(tmp_path)
    assert b"\r" not in (tmp_path / SAMPLE_FILE).read_bytes()
