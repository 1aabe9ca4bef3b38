"""The two sets of packages that the project runs on, for the set-up step.

Standard library only, and no syntax newer than Python 3.8, so that an old Python gets to say which one it should have been.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

OLDEST_PYTHON = (3, 10)


class SetUpError(Exception):
    """The environment cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Stack:
    """One set of packages.

    Attributes:
        name: What ``--stack`` calls it.
        content: What it holds, for the reader.
        folder: The environment's folder in the clone.
        constraints: The file that names every package, with the reason for each version.
        newest_python: The newest Python that it runs on.
        built_afresh: Packages that are built from source, and never taken from pip's cache of built wheels: one built where
            another torch was in sight holds compiled operations that fail to load.
        disk: GiB on disk, installed on Linux.
    """

    name: str
    content: str
    folder: str
    constraints: str
    newest_python: tuple[int, int]
    built_afresh: tuple[str, ...]
    disk: float


STACKS = {
    "upstream": Stack(
        name="upstream",
        content="PyTorch, mmengine, mmcv-lite, mmsegmentation, mmagic, rasterio and the test tools",
        folder=".venv",
        constraints="constraints.txt",
        newest_python=(3, 12),
        built_afresh=(),
        disk=6.6,
    ),
    "onedl": Stack(
        name="onedl",
        content="PyTorch, the OneDL forks of mmengine, mmcv and mmsegmentation, rasterio and the test tools",
        folder=".venv-onedl",
        constraints="constraints-onedl.txt",
        newest_python=(3, 13),
        built_afresh=("onedl-mmcv",),
        disk=5.6,
    ),
}


def dotted(version: tuple[int, int]) -> str:
    """Write a version with dots."""
    return ".".join(str(part) for part in version)


def check_python(version: tuple[int, int], stack: Stack, folder: Path | None) -> None:
    """Refuse a Python that the stack does not run on.

    Args:
        version: Major and minor version.
        stack: The stack to install.
        folder: The environment that is of this version; ``None`` when it is the Python that runs this.

    Raises:
        SetUpError: Naming the versions that fit, and the other stack where that one does.
    """
    if OLDEST_PYTHON <= version <= stack.newest_python:
        return
    whose = f"{folder} holds" if folder else f"{sys.executable} is"
    oldest, newest = dotted(OLDEST_PYTHON), dotted(stack.newest_python)
    advice = f"Use one of those: python{newest} {' '.join(sys.argv)}"
    if OLDEST_PYTHON <= version <= STACKS["onedl"].newest_python:
        advice = f"Add `--stack onedl`, which runs on {dotted(version)}. Or u{advice[1:]}"
    if folder:
        advice += f" (after removing {folder})"
    raise SetUpError(f"{whose} Python {dotted(version)}; the {stack.name} stack runs on {oldest} to {newest}. {advice}")


def read_requirements(path: Path) -> dict[str, str]:
    """Read a constraints file.

    Returns:
        From each package's name to its line without the reason.
    """
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {re.split(r"[=<>!~ ;\[]", line, maxsplit=1)[0]: line for line in lines if line}
