from __future__ import annotations

import pytest
from rich.console import Console

from rs_da_mm.datasets import progress_bar


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("count", [0, 3, 200])
def test_every_item_comes_once_in_order(monkeypatch, terminal, count):
    monkeypatch.setattr(progress_bar, "Console", lambda **_: Console(stderr=True, force_terminal=terminal))
    assert list(progress_bar.track(range(count), "Work")) == list(range(count))


def test_nothing_is_printed_where_nobody_watches(capfd):
    list(progress_bar.track(range(200), "Work"))
    assert capfd.readouterr() == ("", "")
