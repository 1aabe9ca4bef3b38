"""Scenes in memory, models of known receptive field, and sinks that remember, for the tests of scene-sized mapping."""

from __future__ import annotations

import errno

import numpy as np

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

    def write(self, piece):
        rows, cols = piece.covered.shape
        place = slice(piece.row, piece.row + rows), slice(piece.col, piece.col + cols)
        self.scores[:, place[0], place[1]] += piece.scores
        self.times[place] += piece.covered

    def finish_rows(self, start, stop):
        self.bands.append((start, stop))


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
