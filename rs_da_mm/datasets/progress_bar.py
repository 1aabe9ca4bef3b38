"""A progress bar where somebody watches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track as _track

_WORTH_IT = 50

Item = TypeVar("Item")


def track(items: Sequence[Item], what: str) -> Iterator[Item]:
    """Go through items with a progress bar on the error stream, if that is a terminal and there are many.

    Args:
        items: What is worked on.
        what: What is done, in a few words.

    Yields:
        The items.
    """
    console = Console(stderr=True)
    if not console.is_terminal or len(items) < _WORTH_IT:
        yield from items
    else:
        yield from _track(items, what, console=console, transient=True)
