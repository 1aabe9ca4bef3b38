"""Helpers for the miniatures' tests."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rs_da_mm.raster import Scene, window_grid


def hash_files(root: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def decode(path: Path, colours: tuple[tuple[int, int, int], ...]) -> NDArray[np.uint8]:
    """Class numbers of a label map in colours; a colour that is not in the table fails."""
    key = Scene(path).read().astype(np.int64) @ np.array([65536, 256, 1])
    labels = np.full(key.shape, 254, np.uint8)
    for number, (red, green, blue) in enumerate(colours):
        labels[key == red * 65536 + green * 256 + blue] = number
    assert (labels != 254).all(), f"{path.name} has a colour that no class has"
    return labels


def windows(labels: NDArray[np.uint8], size: int = 256) -> list[NDArray[np.uint8]]:
    """The windows of a label map, the rest at the edges dropped."""
    grid = window_grid(labels.shape[0], labels.shape[1], size)
    return [labels[w.row : w.row + w.height, w.col : w.col + w.width] for w in grid]


@pytest.fixture
def file_hashes() -> Callable[[Path], dict[str, str]]:
    return hash_files


@pytest.fixture
def decode_labels() -> Callable[[Path, tuple[tuple[int, int, int], ...]], NDArray[np.uint8]]:
    return decode


@pytest.fixture
def cut_windows() -> Callable[..., list[NDArray[np.uint8]]]:
    return windows
