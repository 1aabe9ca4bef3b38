"""Scenes in memory, models of known receptive field, and sinks that remember, for the tests of scene-sized mapping."""

from __future__ import annotations

import errno

import numpy as np
from hypothesis import strategies as st

from rs_da_mm.inference.core.batches import read_batches
from rs_da_mm.inference.core.blender import Blender, require_same_size
from rs_da_mm.inference.core.data_map import DataMap
from rs_da_mm.inference.core.plan import plan_windows
from rs_da_mm.raster import clip_window, window_slices


class ArraySource:
    """A scene in memory that counts what is read."""

    def __init__(self, pixels, valid=None):
        self.pixels = pixels
        self.valid = np.ones(pixels.shape[:2], np.uint8) if valid is None else valid
        self.height, self.width = pixels.shape[:2]
        self.reads = []

    def read_with_valid(self, window):
        self.reads.append(window)
        pixels = np.zeros((window.height, window.width, self.pixels.shape[2]), self.pixels.dtype)
        valid = np.zeros((window.height, window.width), np.uint8)
        inside = clip_window(window, self.height, self.width)
        place = window_slices(inside, (window.row, window.col))
        pixels[place] = self.pixels[window_slices(inside)]
        valid[place] = self.valid[window_slices(inside)]
        return pixels, valid


class Convolution:
    """One convolution of 2 * radius + 1 pixels, zeros beyond the rim, as a dense model."""

    def __init__(self, bands, channels=2, radius=1, seed=0):
        self.radius = radius
        side = 2 * radius + 1
        self.kernel = np.random.default_rng(seed).normal(size=(side, side, bands, channels))
        self.batches = []

    def __call__(self, pixels, valid):
        self.batches.append(pixels.shape)
        count, height, width, _ = pixels.shape
        r = self.radius
        padded = np.pad(pixels.astype(float), ((0, 0), (r, r), (r, r), (0, 0)))
        total = np.zeros((count, height, width, self.kernel.shape[3]))
        for row, col in np.ndindex(self.kernel.shape[:2]):
            total += padded[:, row : row + height, col : col + width] @ self.kernel[row, col]
        return total.transpose(0, 3, 1, 2).astype(np.float32)


class Canvas:
    """A sink that puts the scene together and notes where each pixel came from."""

    def __init__(self, channels, height, width):
        self.scores = np.zeros((channels, height, width), np.float32)
        self.times = np.zeros((height, width), int)
        self.bands = []
        self.computed = self.empty = 0

    def write(self, piece):
        rows, cols = piece.covered.shape
        place = slice(piece.row, piece.row + rows), slice(piece.col, piece.col + cols)
        self.scores[:, place[0], place[1]] += piece.scores
        self.times[place] += piece.covered

    def finish_rows(self, start, stop, counts):
        self.bands.append((start, stop))
        self.computed += counts.computed
        self.empty += counts.empty


class Refusing:
    """A file on a disk that takes so many bytes and no more."""

    def __init__(self, file, room):
        self._file, self.room = file, room

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, view):
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = self._file.write(view[: self.room])
        self.room -= count
        return count


@st.composite
def scenes(draw):
    """Pixels, and where they hold data: all of it, or in spots."""
    height, width = draw(st.integers(1, 50)), draw(st.integers(1, 50))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    valid = rng.random((height, width)) < draw(st.sampled_from([0.01, 0.5, 1]))
    pixels = rng.integers(0, 200, (height, width, 2), dtype=np.uint16) * valid[..., None]
    return ArraySource(pixels.astype(np.uint16), valid.astype(np.uint8))


@st.composite
def plans(draw, source, margin):
    """Windows of any size and overlap, all of them or those that hold data."""
    size = draw(st.tuples(st.integers(2 * margin + 1, 20), st.integers(2 * margin + 1, 20)))
    overlap = draw(st.integers(2 * margin, min(size) - 1))
    has_data = draw(st.sampled_from([None, DataMap(source.valid > 0, (1, 1))]))
    return plan_windows(source.height, source.width, size, overlap, has_data, margin)


def map_rows(source, plan, model, batch_size, sink, start_row=0):
    """The plain way through a scene, to compare others with: read, compute, blend, hand on, one after the other."""
    require_same_size(source, plan)
    blender = Blender(plan, sink, start_row)
    for index in range(blender.first_index, len(plan.rows)):
        for batch in read_batches(source, plan.rows[index], batch_size):
            blender.add(batch, model(batch.pixels, batch.valid))
        blender.finish(index)
    return blender.counts
