"""What a landscape looks like from above: spectra of surfaces, how they vary, and light that is not even."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.covers import ROOFS, Surface
from rs_da_mm.datasets.samples.ground import Ground
from rs_da_mm.datasets.samples.noise import FloatArray, fractal_noise

BANDS = ("red", "green", "blue", "nir")
"""The bands of a rendered scene, in order."""

SPECTRA: dict[Surface, tuple[float, float, float, float]] = {
    Surface.ROOF_GREY: (0.205, 0.205, 0.210, 0.240),
    Surface.ROOF_RED: (0.270, 0.160, 0.140, 0.300),
    Surface.ROOF_BLUE: (0.190, 0.260, 0.370, 0.330),
    Surface.ROOF_WHITE: (0.400, 0.400, 0.400, 0.430),
    Surface.ASPHALT: (0.150, 0.152, 0.155, 0.170),
    Surface.CONCRETE: (0.270, 0.262, 0.250, 0.300),
    Surface.SOIL: (0.215, 0.185, 0.165, 0.270),
    Surface.SAND: (0.320, 0.285, 0.235, 0.380),
    Surface.CROP: (0.075, 0.125, 0.080, 0.340),
    Surface.GRASS: (0.085, 0.132, 0.078, 0.330),
    Surface.TREE: (0.052, 0.075, 0.058, 0.270),
    Surface.BUSH: (0.062, 0.090, 0.060, 0.280),
    Surface.WATER_RIVER: (0.135, 0.160, 0.150, 0.090),
    Surface.WATER_LAKE: (0.055, 0.095, 0.105, 0.040),
    Surface.WATER_POND: (0.062, 0.092, 0.082, 0.055),
}
"""Mean reflectance at the top of the atmosphere, per band of :data:`BANDS`."""

_SCENE_SPREAD = {
    Surface.WATER_RIVER: 0.28,
    Surface.WATER_LAKE: 0.25,
    Surface.WATER_POND: 0.25,
    Surface.SOIL: 0.12,
    Surface.CROP: 0.15,
}
"""How far a surface's brightness varies from scene to scene (standard deviation of its logarithm); 0.10 for the others."""

_PARCEL_SPREAD = {Surface.CROP: 0.10, Surface.WATER_POND: 0.22, Surface.SOIL: 0.10, Surface.GRASS: 0.06}
"""The same from parcel to parcel within a scene; 0.14 for roofs, 0.04 for the others."""

_COLOURS = 4096
"""How many parcel colours there are."""


def reflectance(rng: np.random.Generator, ground: Ground) -> FloatArray:
    """Give every drawn pixel its reflectance under even light.

    Args:
        rng: Where the numbers come from: the season, and the colours of the parcels.
        ground: The landscape.

    Returns:
        ``(H, W, 4)`` float32 in the order of :data:`BANDS`, about 0 to 0.6.
    """
    spectra = scene_spectra(rng)
    colour = (ground.parcel % np.uint32(_COLOURS)).astype(np.int32)
    shift = rng.standard_normal((_COLOURS, len(BANDS)), dtype=np.float32)
    # Most of a parcel's difference is brightness, common to all bands; the rest is hue.
    shift = 0.9 * rng.standard_normal((_COLOURS, 1), dtype=np.float32) + 0.3 * shift
    spread = _table(_PARCEL_SPREAD, 0.04, roofs=0.14)[ground.surface]
    image = np.empty((*ground.surface.shape, len(BANDS)), np.float32)
    for band in range(len(BANDS)):
        values = spectra[:, band][ground.surface]
        values += ground.bare * (spectra[Surface.SOIL, band] - values)
        values *= ground.tone
        values *= 1 + spread * shift[:, band][colour]
        image[..., band] = values
    return np.clip(image, 0.005, 0.9, out=image)


def scene_spectra(rng: np.random.Generator) -> FloatArray:
    """Vary the spectra as season and place do.

    Args:
        rng: Where the numbers come from.

    Returns:
        ``(surfaces, 4)`` float32 reflectance, indexed by :class:`~rs_da_mm.datasets.samples.covers.Surface`.
    """
    mean = np.array([SPECTRA[surface] for surface in Surface], np.float32)
    spread = _table(_SCENE_SPREAD, 0.10, roofs=0.08)[:, None]
    bright = rng.standard_normal((len(mean), 1), dtype=np.float32)
    hue = rng.standard_normal(mean.shape, dtype=np.float32)
    # Growth lifts the near infrared and darkens the red of all plants together.
    growth = np.zeros(mean.shape, np.float32)
    plants = [Surface.CROP, Surface.GRASS, Surface.TREE, Surface.BUSH]
    growth[plants] = rng.standard_normal(dtype=np.float32) * np.array([-0.10, 0.02, -0.05, 0.12], np.float32)
    varied: FloatArray = mean * np.exp(spread * (bright + 0.3 * hue) + growth)
    return varied


def illuminate(rng: np.random.Generator, image: FloatArray, haze: float) -> FloatArray:
    """Light a scene unevenly: a gradient across it, and haze that adds more to the short waves.

    Args:
        rng: Where the numbers come from.
        image: ``(H, W, 4)`` reflectance; changed in place.
        haze: Mean reflectance that the haze adds to the blue band.

    Returns:
        ``image``.
    """
    height, width = image.shape[:2]
    tilt = rng.uniform(-0.08, 0.08, 2)
    rows = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    columns = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None]
    light = 1 + np.float32(tilt[0]) * rows + np.float32(tilt[1]) * columns
    veil = np.float32(haze) * np.clip(1 + 0.4 * fractal_noise(rng, (height, width), max(height, width) / 3), 0, None)
    for band, share in enumerate((0.45, 0.65, 1.0, 0.2)):
        image[..., band] *= light
        image[..., band] += np.float32(share) * veil
    return image


def _table(values: dict[Surface, float], default: float, roofs: float) -> NDArray[np.float32]:
    """List one number per surface."""
    return np.array([values.get(s, roofs if s in ROOFS else default) for s in Surface], np.float32)
