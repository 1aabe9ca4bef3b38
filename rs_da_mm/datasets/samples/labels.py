"""Drawing the label map that a publisher would give out: coarser than the truth, a little off, silent about some of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.covers import Cover, Surface
from rs_da_mm.datasets.samples.ground import Ground
from rs_da_mm.datasets.samples.noise import FloatArray, fractal_noise
from rs_da_mm.datasets.samples.zones import warp


@dataclass(frozen=True)
class Legend:
    """How a publisher names what is on the ground.

    Attributes:
        codes: Class number of each cover, or of each surface.
        unlabelled: Class number of ground that the publisher leaves out; also of whatever ``codes`` does not name.
        coarseness: Side of the square, in pixels, whose majority decides a pixel's class.
        slip: How far outlines are off, in pixels (standard deviation).
        rims: Share of the borders between classes along which a strip is left unlabelled.
        rim: Half the width of such a strip in pixels.
    """

    codes: Mapping[Cover, int] | Mapping[Surface, int] = field(hash=False)
    unlabelled: int
    coarseness: int
    slip: float
    rims: float = 0.0
    rim: int = 0

    def read(self, ground: Ground) -> NDArray[np.uint8]:
        """Give every drawn pixel of a ground its true class number."""
        of_surface = isinstance(next(iter(self.codes)), Surface)
        table = np.full(len(Surface) if of_surface else len(Cover), self.unlabelled, np.uint8)
        for key, number in self.codes.items():
            table[key] = number
        if not of_surface:
            return table[ground.cover]
        # A field that shows more soil than crop is mapped as soil.
        bare = (ground.surface == Surface.CROP) & (ground.bare > 0.5)
        return table[np.where(bare, Surface.SOIL, ground.surface)]


def draw_labels(rng: np.random.Generator, ground: Ground, legend: Legend, supersampling: int) -> NDArray[np.uint8]:
    """Draw the label map of a landscape.

    Args:
        rng: Where the publisher's inaccuracies come from.
        ground: The landscape.
        legend: The publisher's classes and habits.
        supersampling: Drawn pixels per pixel of the map, along each axis.

    Returns:
        ``(H, W)`` uint8 class numbers at the sensor's resolution.
    """
    labels = _majority(legend.read(ground), supersampling, legend.coarseness)
    if legend.slip > 0:
        labels = warp(rng, labels, period=24, reach=legend.slip)
    if legend.rims > 0:
        labels[_rims(rng, labels, legend)] = legend.unlabelled
    return labels


def leave_out(rng: np.random.Generator, labels: NDArray[np.uint8], share: float, unlabelled: int) -> NDArray[np.uint8]:
    """Leave a large part of a scene unlabelled, as publishers do where they were not sure or not interested.

    Args:
        rng: Where the numbers come from.
        labels: ``(H, W)`` class numbers; changed in place.
        share: Share of the scene that is left out.
        unlabelled: The class number it gets.

    Returns:
        ``labels``.
    """
    height, width = labels.shape
    broad: FloatArray = fractal_noise(rng, (height, width), max(height, width) / 2)
    labels[broad < np.quantile(broad, share)] = unlabelled
    return labels


def _majority(truth: NDArray[np.uint8], supersampling: int, side: int) -> NDArray[np.uint8]:
    """Let the most frequent class of a square decide each pixel."""
    height, width = truth.shape[0] // supersampling, truth.shape[1] // supersampling
    winner = np.zeros((height, width), np.uint8)
    most = np.full((height, width), -1.0, np.float32)
    for number in np.flatnonzero(np.bincount(truth.reshape(-1))):
        part = cv2.resize((truth == number).astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
        votes = cv2.blur(part, (side, side))
        better = votes > most + 1e-4
        winner[better] = number
        most[better] = votes[better]
    return winner


def _rims(rng: np.random.Generator, labels: NDArray[np.uint8], legend: Legend) -> NDArray[np.bool_]:
    """Mask strips along some of the borders between classes."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * legend.rim + 1, 2 * legend.rim + 1))
    border = cv2.dilate(labels, disc) != cv2.erode(labels, disc)
    height, width = labels.shape
    where = fractal_noise(rng, (height, width), 60)
    chosen: NDArray[np.bool_] = border & (where > np.quantile(where, 1 - legend.rims))
    return chosen
