"""Seeded randomness for landscapes: generators by name, fields of noise, and a hash that gives every cell its own number."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Integers = NDArray[np.int32] | NDArray[np.uint32] | int


def named_generator(seed: int, *names: str) -> np.random.Generator:
    """Make the random generator that belongs to a seed and a chain of names.

    Each part of a miniature draws from its own generator, so that a further scene or layer changes none of the others. Python's
    ``hash`` differs from run to run; SHA-256 does not.

    Args:
        seed: The user's seed, 0 or more.
        *names: What the numbers are for, for example ``("gid", "GF2_PMS1__L1A0000647767-MSS1", "zones")``.

    Returns:
        A generator that is the same on every machine and in every run.
    """
    digest = hashlib.sha256("\x1f".join(names).encode("utf-8")).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def fractal_noise(
    rng: np.random.Generator, shape: tuple[int, int], period: float, octaves: int = 1, gain: float = 0.5
) -> FloatArray:
    """Draw a smooth random field, a sum of value-noise octaves.

    Args:
        rng: Where the numbers come from.
        shape: Height and width in pixels.
        period: Distance between the knots of the coarsest octave, in pixels.
        octaves: How many octaves; each halves the period of the one before.
        gain: Amplitude of an octave relative to the one before.

    Returns:
        ``(H, W)`` float32 with mean 0 and standard deviation 1.
    """
    height, width = shape
    total = np.zeros(shape, np.float32)
    amplitude = 1.0
    for octave in range(octaves):
        knots = max(period / 2**octave, 1.0)
        grid = (max(2, round(height / knots) + 1), max(2, round(width / knots) + 1))
        coarse = rng.standard_normal(grid, dtype=np.float32)
        total += amplitude * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        amplitude *= gain
    total -= total.mean()
    total /= max(float(total.std()), 1e-6)
    return total


def crowns(rng: np.random.Generator, shape: tuple[int, int], width: float) -> FloatArray:
    """Draw the height of a closed canopy: bumps of one size, side by side.

    Args:
        rng: Where the numbers come from.
        shape: Height and width in pixels.
        width: Width of a crown in pixels.

    Returns:
        ``(H, W)`` float32 heights, mean about 0.
    """
    white = rng.standard_normal(shape, dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(white, (0, 0), 0.30 * width) - cv2.GaussianBlur(white, (0, 0), 0.75 * width), np.float32)


def lit_slope(height: FloatArray, azimuth: float) -> FloatArray:
    """Shade a relief from one side.

    Args:
        height: ``(H, W)`` heights.
        azimuth: Direction to the sun in radians, 0 along the columns and growing towards the rows.

    Returns:
        ``(H, W)`` float32 slope towards the sun, with standard deviation 1: above 0 where the ground faces the light.
    """
    slope = np.cos(azimuth) * cv2.Sobel(height, cv2.CV_32F, 1, 0) + np.sin(azimuth) * cv2.Sobel(height, cv2.CV_32F, 0, 1)
    return np.asarray(-slope / max(float(slope.std()), 1e-6), np.float32)


def cell_hash(*keys: Integers) -> NDArray[np.uint32]:
    """Mix integer keys into one well-spread 32-bit number per element.

    Args:
        *keys: Whole numbers, arrays of one shape or scalars that broadcast; negative ones are fine.

    Returns:
        uint32 array of the keys' common shape.
    """
    mixed = np.full(np.broadcast_shapes(*(np.shape(key) for key in keys)) or (1,), 0x9E3779B9, np.uint32)
    for key in keys:
        mixed ^= np.asarray(key).astype(np.int64).astype(np.uint32)
        mixed *= np.uint32(0x85EBCA6B)
        mixed ^= mixed >> np.uint32(13)
        mixed *= np.uint32(0xC2B2AE35)
        mixed ^= mixed >> np.uint32(16)
    return mixed


def cell_random(*keys: Integers) -> FloatArray:
    """Give every combination of keys its own uniform number in [0, 1); see :func:`cell_hash`.

    Returns:
        float32 array of the keys' common shape.
    """
    return (cell_hash(*keys) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
