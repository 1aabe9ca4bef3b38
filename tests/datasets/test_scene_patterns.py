from __future__ import annotations

import pytest
from tiny_folders import touch

from rs_da_mm.datasets.scene_patterns import FilePattern, is_sidecar
from rs_da_mm.errors import DatasetError


def found(root, pattern):
    return [(fields, path.relative_to(root).as_posix()) for fields, path in FilePattern(pattern).find(root)]


def test_a_field_stands_for_a_part_of_a_name(tmp_path):
    touch(tmp_path, "images/b.tif", "images/a.tif", "images/a.txt", "images/deep/c.tif", "other/d.tif")
    assert found(tmp_path, "images/{scene}.tif") == [({"scene": "a"}, "images/a.tif"), ({"scene": "b"}, "images/b.tif")]


def test_fields_in_folders_and_names(tmp_path):
    touch(tmp_path, "zurich/2020/s1_B02.tif", "zurich/2021/s1_B02.tif", "bern/2020/s2_B02.tif", "bern/2020/s2_B03.tif")
    assert [fields for fields, _ in found(tmp_path, "{city}/{date}/{scene}_B02.tif")] == [
        {"city": "bern", "date": "2020", "scene": "s2"},
        {"city": "zurich", "date": "2020", "scene": "s1"},
        {"city": "zurich", "date": "2021", "scene": "s1"},
    ]


def test_earlier_fields_are_as_short_as_they_can_be(tmp_path):
    touch(tmp_path, "new_york_2020.tif")
    assert found(tmp_path, "{city}_{rest}.tif")[0][0] == {"city": "new", "rest": "york_2020"}


def test_a_field_that_comes_twice_is_the_same_both_times(tmp_path):
    touch(tmp_path, "a/a_B02.tif", "a/b_B02.tif")
    assert found(tmp_path, "{scene}/{scene}_B02.tif") == [({"scene": "a"}, "a/a_B02.tif")]


def test_wildcards(tmp_path):
    touch(tmp_path, "x/1.tif", "x/y/2.tif", "x/y/z/3.tif", "x/10.tif")
    names = [path for _, path in found(tmp_path, "x/**/*.tif")]
    assert names == ["x/1.tif", "x/10.tif", "x/y/2.tif", "x/y/z/3.tif"]
    assert [path for _, path in found(tmp_path, "x/?.tif")] == ["x/1.tif"]
    assert found(tmp_path, "x/**/{scene}.tif")[2][0] == {"scene": "2"}


def test_hidden_files_and_folders_do_not_count(tmp_path):
    touch(tmp_path, "._a.tif", ".cache/b.tif", "c.tif")
    assert [path for _, path in found(tmp_path, "{scene}.tif")] == ["c.tif"]
    assert [path for _, path in found(tmp_path, "**/*.tif")] == ["c.tif"]


def test_letters_that_mean_something_to_a_glob_are_letters(tmp_path):
    touch(tmp_path, "a[1]+b/x.tif", "a1b/x.tif", "labels/x[1].tif", "labels/x1.tif")
    assert [path for _, path in found(tmp_path, "a[1]+b/{scene}.tif")] == ["a[1]+b/x.tif"]
    filled = FilePattern("labels/{scene}*").fill(tmp_path, {"scene": "x[1]"})
    assert [path.name for path in filled] == ["x[1].tif"]


def test_absolute_patterns(tmp_path):
    touch(tmp_path, "here/a.tif", "there/b.tif")
    pattern = FilePattern(f"{(tmp_path / 'there').as_posix()}/{{scene}}.tif")
    assert [path for _, path in pattern.find(tmp_path / "here")] == [tmp_path / "there" / "b.tif"]
    assert [path.name for _, path in FilePattern("../there/*.tif").find(tmp_path / "here")] == ["b.tif"]


def test_a_pattern_is_filled_with_what_is_known(tmp_path):
    touch(tmp_path, "labels/zurich/a_v1.tif", "labels/zurich/a_v2.tif", "one.tif")
    fields = {"city": "zurich", "scene": "a"}
    assert FilePattern("labels/{city}/{scene}_v1.tif").fill(tmp_path, fields) == [tmp_path / "labels/zurich/a_v1.tif"]
    assert FilePattern("labels/{city}/{scene}_v3.tif").fill(tmp_path, fields) == []
    assert len(FilePattern("labels/{city}/{scene}_*.tif").fill(tmp_path, fields)) == 2
    assert FilePattern("one.tif").fill(tmp_path, fields) == [tmp_path / "one.tif"]
    with pytest.raises(
        DatasetError, match=r"'\{date\}\.tif' has the field \{date\}, and the images' names give \{city\}, \{scene\}"
    ):
        FilePattern("{date}.tif").fill(tmp_path, fields)


def test_a_fixed_pattern_is_one_file(tmp_path):
    touch(tmp_path, "a.tif")
    assert FilePattern("a.tif").is_fixed
    assert not FilePattern("*.tif").is_fixed
    assert found(tmp_path, "a.tif") == [({}, "a.tif")]
    assert found(tmp_path, "b.tif") == []


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("a.tif.aux.xml", True),
        ("a.TFW", True),
        ("a.tif.ovr", True),
        ("a.raw", False),
        ("a.jp2", False),
        ("a.j2w", True),
        ("a.img", False),
    ],
)
def test_what_lies_beside_images_and_is_none(tmp_path, name, beside):
    assert is_sidecar(tmp_path / name) == beside
