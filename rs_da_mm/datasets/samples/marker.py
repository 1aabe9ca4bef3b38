"""The note that tells a miniature from the data set it stands in for."""

from __future__ import annotations

from pathlib import Path

SAMPLE_FILE = "SAMPLE_DATA.txt"
"""Lies in the root of every miniature, and in no real data set."""


def is_sample(root: str | Path) -> bool:
    """Say whether a data set's root holds a miniature.

    Args:
        root: The data set's root folder.

    Returns:
        Whether the note is there.
    """
    return (Path(root) / SAMPLE_FILE).is_file()


def sample_notice(root: str | Path) -> str | None:
    """Give the line that belongs in a log when a data set turns out to be a miniature.

    Args:
        root: The data set's root folder.

    Returns:
        The line, or ``None`` for anything that is not a miniature.
    """
    if not is_sample(root):
        return None
    return f"{root} holds SYNTHETIC SAMPLE DATA (see {SAMPLE_FILE} there): no result on it says anything about the real data set."


def read_note(root: str | Path) -> dict[str, str]:
    """Read the ``name: value`` lines of a miniature's note.

    Args:
        root: The data set's root folder.

    Returns:
        Names and values; nothing when there is no note.
    """
    if not is_sample(root):
        return {}
    lines = (Path(root) / SAMPLE_FILE).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(": ") for line in lines)
    return {name: value for name, separator, value in pairs if separator}


def write_note(root: str | Path, title: str, facts: dict[str, str]) -> None:
    """Write the note of a miniature.

    Args:
        root: The data set's root folder.
        title: What it is a miniature of.
        facts: Names and values to keep, among them the command that made it.
    """
    text = (
        "SYNTHETIC SAMPLE DATA\n\n"
        f"This is a miniature of {title}, in its layout. It is not the data set, and nothing in it was taken from the data set:\n"
        "the landscapes are invented, drawn and photographed by a program, and bear the names of real scenes only so that\n"
        "configurations written for the real ones run unchanged. No result on it says anything about the real data set.\n\n"
    )
    text += "".join(f"{name}: {value}\n" for name, value in facts.items())
    (Path(root) / SAMPLE_FILE).write_bytes(text.encode("utf-8"))
