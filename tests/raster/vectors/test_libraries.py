from __future__ import annotations

import sys

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.raster.vectors import libraries


@pytest.mark.parametrize("name", ["pyogrio", "shapely"])
def test_what_is_missing_is_said_with_what_to_install(monkeypatch, name):
    for module in (name, "pyogrio.raw"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"{name} is not installed: pip install 'rs_da_mm\[vectors\]'"):
        getattr(libraries, name)()


def test_what_is_there_is_given():
    assert libraries.shapely().Point(1, 2).x == 1
    assert callable(libraries.pyogrio().raw.read)
