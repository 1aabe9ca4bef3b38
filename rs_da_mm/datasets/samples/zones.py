"""The plan of a landscape: zones of one cover each, with straight borders where people drew them and ragged ones elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.covers import NATURAL, Cover
from rs_da_mm.datasets.samples.ground import Zones
from rs_da_mm.datasets.samples.noise import FloatArray, fractal_noise


def lay_zones(
    rng: np.random.Generator, shape: tuple[int, int], pitch: float, shares: Mapping[Cover, float], ragged: float
) -> Zones:
    """Divide the ground among covers.

    Zones are Voronoi cells of a jittered grid with gaps; neighbours tend to share their cover, so that they merge into larger
    pieces of many shapes. Every cover with a share gets at least one cell.

    Args:
        rng: Where the numbers come from.
        shape: Height and width in pixels.
        pitch: Mean distance between the centres of zones, in pixels.
        shares: Wanted share of each cover in the area; the real shares vary around it.
        ragged: How far natural covers reach over their straight border, in pixels.

    Returns:
        The plan.
    """
    # A quarter of the centres is left out below, and the rest moves apart.
    grid = (max(2, round(shape[0] / pitch / 0.87)), max(2, round(shape[1] / pitch / 0.87)))
    kept = np.flatnonzero(rng.permutation(grid[0] * grid[1]) >= grid[0] * grid[1] // 4)
    district = _voronoi(rng, shape, grid, kept)
    of_zone = _assign(rng, grid, kept, shares)
    cover = _ragged_borders(rng, of_zone[district], ragged)
    # One direction for a stretch of country: neighbours agree, and turn only where the noise passes a step.
    bend = fractal_noise(rng, grid, 4.0).reshape(-1)[kept]
    direction = (np.pi / 2 * rng.random() + np.round(bend * 1.5) * 0.45).astype(np.float32)
    return Zones(cover, district, direction)


def _voronoi(
    rng: np.random.Generator, shape: tuple[int, int], grid: tuple[int, int], kept: NDArray[np.intp]
) -> NDArray[np.int32]:
    """Number every pixel by the nearest of the kept centres of a jittered grid."""
    (height, width), (rows, columns) = shape, grid
    jitter = rng.uniform(-0.45, 0.45, (2, rows, columns))
    y = ((np.arange(rows)[:, None] + 0.5 + jitter[0]) * height / rows).astype(np.intp).reshape(-1)[kept]
    x = ((np.arange(columns)[None] + 0.5 + jitter[1]) * width / columns).astype(np.intp).reshape(-1)[kept]
    centres = np.ones(shape, np.uint8)
    centres[y, x] = 0
    _, labels = cv2.distanceTransformWithLabels(centres, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL)
    numbers = np.zeros(int(labels.max()) + 1, np.int32)
    numbers[labels[y, x]] = np.arange(len(kept))
    return numbers[labels]


def _assign(
    rng: np.random.Generator, grid: tuple[int, int], kept: NDArray[np.intp], shares: Mapping[Cover, float]
) -> NDArray[np.uint8]:
    """Choose each zone's cover: noise says what suits the place, and quotas say how much there is of each."""
    covers = [cover for cover, share in shares.items() if share > 0]
    wanted = np.array([shares[cover] for cover in covers]) * np.exp(0.3 * rng.standard_normal(len(covers)))
    wanted /= wanted.sum()
    suits = np.stack([fractal_noise(rng, grid, 2.2, octaves=2).reshape(-1)[kept] for _ in covers], axis=1).astype(np.float64)
    bias = np.log(wanted)
    for _ in range(30):
        found = np.bincount((suits + bias).argmax(axis=1), minlength=len(covers)) / len(suits)
        bias += 0.25 * np.log((wanted + 0.005) / (found + 0.005))
    choice = (suits + bias).argmax(axis=1)
    for missing in np.flatnonzero(np.bincount(choice, minlength=len(covers)) == 0):
        spare = np.bincount(choice, minlength=len(covers))[choice] > 1
        choice[np.where(spare, suits[:, missing], -np.inf).argmax()] = missing
    return np.array([int(cover) for cover in covers], np.uint8)[choice]


def _ragged_borders(rng: np.random.Generator, cover: NDArray[np.uint8], reach: float) -> NDArray[np.uint8]:
    """Let natural covers grow over their straight borders, by looking up the plan through a field of small displacements."""
    warped = warp(rng, cover, period=3.0 * reach, reach=reach, octaves=3)
    return np.where(np.isin(warped, NATURAL), warped, cover)


def warp(rng: np.random.Generator, layer: NDArray[np.uint8], period: float, reach: float, octaves: int = 1) -> NDArray[np.uint8]:
    """Displace a map of class numbers by smooth noise, without mixing the numbers.

    Args:
        rng: Where the numbers come from.
        layer: ``(H, W)`` class numbers.
        period: Distance over which the displacement changes, in pixels.
        reach: Standard deviation of the displacement in pixels.
        octaves: How fine the displacement gets.

    Returns:
        The displaced ``(H, W)`` map.
    """
    height, width = layer.shape
    columns: FloatArray = np.arange(width, dtype=np.float32)[None] + reach * fractal_noise(rng, (height, width), period, octaves)
    rows: FloatArray = np.arange(height, dtype=np.float32)[:, None] + reach * fractal_noise(rng, (height, width), period, octaves)
    return np.asarray(cv2.remap(layer, columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)
