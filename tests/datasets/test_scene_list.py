from __future__ import annotations

import pytest

from rs_da_mm.datasets.scene_list import ListedScene, read_scene_table, scenes_of_rows
from rs_da_mm.errors import DatasetError


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_names_files_and_groups(tmp_path, delimiter):
    lines = [
        "scene,image,image10,image2,label,height,mask,city",
        "a,x.tif,z.tif,y.tif,l.tif,h.tif,m.tif,bern",
        "b,w.tif,,,l.tif,,,chur",
    ]
    path = tmp_path / "scenes.csv"
    path.write_text("\ufeff" + "\n".join(lines).replace(",", delimiter), encoding="utf-8")
    assert read_scene_table(path) == (
        ListedScene("a", ("x.tif", "y.tif", "z.tif"), "l.tif", "h.tif", ("m.tif",), (("city", "bern"),)),
        ListedScene("b", ("w.tif",), "l.tif", None, (), (("city", "chur"),)),
    )


def test_a_scene_without_name_is_called_by_its_image(tmp_path):
    (tmp_path / "s.csv").write_text("image,label\nsub/x.y.tif,l.tif\n")
    assert read_scene_table(tmp_path / "s.csv")[0].scene == "sub/x.y"


def test_rows_of_a_config_may_hold_lists():
    (one,) = scenes_of_rows([{"scene": "a", "image": ["x.tif", "y.tif"], "label": "l.gpkg", "city": 7}], "scenes")
    assert one == ListedScene("a", ("x.tif", "y.tif"), "l.gpkg", None, (), (("city", "7"),))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no lines"),
        ("scene,label\na,b\n", "has no column image"),
        ("image,label\nx.tif\n", "line 2: it has not as many columns"),
        ("image,label\nx.tif,l,m\n", "line 2: it has not as many columns"),
        ("scene,image\na,x.tif\nb,\n", "line 3: the scene has no image"),
        ("scene,image\na,x.tif\na,y.tif\n", "line 3: there is a scene 'a' already"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_line(tmp_path, text, said):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(DatasetError, match=said):
        read_scene_table(tmp_path / "s.csv")


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(DatasetError, match=r"list of scenes '.*none\.csv' cannot be read"):
        read_scene_table(tmp_path / "none.csv")
