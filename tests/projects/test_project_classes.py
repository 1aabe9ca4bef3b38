"""What --classes can say."""

from __future__ import annotations

import pytest

from rs_da_mm.projects.classes import choose_classes
from rs_da_mm.projects.findings import Findings
from rs_da_mm.projects.label_content import LabelContent

VALUES = LabelContent("values", {1: 10, 2: 20, 3: 5})
COLOURS = LabelContent("colours", {"#ff0000": 9, "#00ff00": 8}, colours={"#ff0000": (255, 0, 0), "#00ff00": (0, 255, 0)})
SHAPES = LabelContent("shapes", {"lake": 3, "wood": 4, "road": 1}, attribute="use")


def choose(text, content, **options):
    findings = Findings()
    return choose_classes(text, content, findings, **options), findings


def refused(text, content, *told):
    choice, findings = choose(text, content)
    assert choice is None
    assert all(word in findings.problems[0] for word in told), findings.problems


@pytest.mark.parametrize(
    ("text", "content", "names", "codes"),
    [
        (None, VALUES, ("class_1", "class_2", "class_3"), ((1, "class_1"), (2, "class_2"), (3, "class_3"))),
        ("a,b,c", VALUES, ("a", "b", "c"), ((1, "a"), (2, "b"), (3, "c"))),
        ("3=b,1=a,2=b", VALUES, ("b", "a"), ((3, "b"), (1, "a"), (2, "b"))),
        ("3=b,1=a,2=ignore", VALUES, ("b", "a"), ((3, "b"), (1, "a"), (2, "ignore"))),
        ("#00FF00=b,ff0000=a", COLOURS, ("b", "a"), (("#00ff00", "b"), ("#ff0000", "a"))),
        (None, SHAPES, ("lake", "wood", "road"), (("lake", "lake"), ("wood", "wood"), ("road", "road"))),
        ("wood,lake", SHAPES, ("wood", "lake"), (("wood", "wood"), ("lake", "lake"), ("road", "ignore"))),
        ("lake=wet,wood=dry,road=dry", SHAPES, ("wet", "dry"), (("lake", "wet"), ("wood", "dry"), ("road", "dry"))),
    ],
)
def test_codes_and_names(text, content, names, codes):
    choice, findings = choose(text, content)
    assert not findings.problems
    assert choice.names == names
    assert choice.codes == codes
    assert len(set(choice.palette)) == len(names)


def test_one_value_more_that_is_0_or_255_is_unlabelled():
    choice, findings = choose("a,b", LabelContent("values", {0: 5, 4: 1, 7: 2, 255: 9}))
    assert choice.codes == ((4, "a"), (7, "b"), (0, "ignore"), (255, "ignore"))
    assert "0, 255" in findings.notes[0]


def test_others_are_ignored_where_it_is_said():
    choice, _ = choose("1=a,2=b,other=ignore", VALUES)
    assert choice.ignores_others
    assert not choose("1=a,2=b,3=c,other=ignore", VALUES)[0].ignores_others


def test_colours_stay_those_of_the_file_and_tables_give_their_own(tmp_path):
    assert choose("#ff0000=a,#00ff00=b", COLOURS)[0].palette == ((255, 0, 0), (0, 255, 0))
    table = tmp_path / "classes.csv"
    table.write_text("code;class;colour\n1;water;#0000ff\n2;ignore;\n3;town;#ff8800\n", encoding="utf-8-sig")
    choice, _ = choose(str(table), VALUES)
    assert choice.codes == ((1, "water"), (2, "ignore"), (3, "town"))
    assert choice.palette == ((0, 0, 255), (255, 136, 0))


def test_a_background_is_a_class_of_its_own():
    one = LabelContent("shapes", {"any": 7})
    assert choose("roof", one)[0] is None
    choice, _ = choose("any=roof", one, background="ground")
    assert choice.names == ("ground", "roof")


def test_what_is_not_clear_is_refused_with_what_there_is():
    refused("a,b", VALUES, "2 classes", "1 (10 pixels)", "3 (5 pixels)")
    refused("1=a,2=b", VALUES, "3 (5 pixels)", "other=ignore")
    refused("1=a,b", VALUES, "b has no code")
    refused("a,b", COLOURS, "no order", "#ff0000=a")
    refused("1=a,2=a,3=a", VALUES, "one class, a")
    refused("x=a,2=b", VALUES, "--classes x")
    refused("1=a,2=b,3=c,other=d", VALUES, "other=ignore")
    refused("missing.csv", VALUES, "missing.csv")
