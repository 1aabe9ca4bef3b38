"""Settings as Python."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rs_da_mm.projects.spelling import Code, spell

PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=40)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=5).map(tuple)
        | st.dictionaries(st.sampled_from(["type", "a", "b c", "in_channels"]), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(VALUES, st.integers(0, 60))
def test_what_is_spelled_gives_the_value(value, taken):
    assert eval(spell(value, taken=taken)) == value


def test_long_settings_are_broken_and_names_of_settings_stay():
    text = spell({"type": "A" * 60, "names": ["b" * 40, "c" * 40, "d" * 40], "root": Code("project")})
    assert max(map(len, text.splitlines())) <= 120
    assert text.splitlines()[2:4] == ["    names=[", f"        {'b' * 40!r},"]
    assert "    root=project," in text
    assert spell(1 / 3) == "0.333333"
