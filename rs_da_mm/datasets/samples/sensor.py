"""Sensors: what turns the light of a scene into digital numbers, with a blur, a gain, noise and a bit depth of its own."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.noise import FloatArray


@dataclass(frozen=True)
class Sensor:
    """A multispectral sensor.

    Attributes:
        bands: Names of its bands, in the order of the scenes it is shown.
        bits: Depth of its numbers; they are stored as uint16.
        gain: Digital numbers per unit of reflectance, per band.
        offset: Digital number of darkness, per band.
        psf: Standard deviation of its point-spread function, in its own pixels.
        noise: Standard deviation of its noise, in digital numbers.
    """

    bands: tuple[str, ...]
    bits: int
    gain: tuple[float, ...]
    offset: tuple[float, ...]
    psf: float
    noise: float

    def expose(self, scene: FloatArray, rng: np.random.Generator, supersampling: int = 2) -> NDArray[np.uint16]:
        """Take an image: blur, integrate over the sensor's pixels, amplify, add noise, quantise.

        A pixel on a border takes in both sides of it, in proportion to their areas.

        Args:
            scene: ``(H · supersampling, W · supersampling, bands)`` reflectance.
            rng: Where the noise comes from.
            supersampling: Drawn pixels per pixel of the sensor, along each axis.

        Returns:
            ``(H, W, bands)`` uint16 digital numbers from 1 up: 0 is left for pixels without data.
        """
        height, width = scene.shape[0] // supersampling, scene.shape[1] // supersampling
        image = np.empty((height, width, len(self.bands)), np.uint16)
        for band in range(len(self.bands)):
            layer = np.ascontiguousarray(scene[..., band])
            if self.psf > 0:
                layer = cv2.GaussianBlur(layer, (0, 0), self.psf * supersampling)
            layer = cv2.resize(layer, (width, height), interpolation=cv2.INTER_AREA)
            numbers = layer * np.float32(self.gain[band]) + np.float32(self.offset[band])
            if self.noise > 0:
                numbers += np.float32(self.noise) * rng.standard_normal((height, width), dtype=np.float32)
            image[..., band] = np.clip(np.rint(numbers), 1, 2**self.bits - 1)
        return image

    def to_8_bit(self, numbers: NDArray[np.uint16], white: float) -> NDArray[np.uint8]:
        """Stretch digital numbers linearly to 8 bit, as a publisher does for viewing.

        Args:
            numbers: ``(H, W, bands)`` from :meth:`expose`.
            white: Reflectance that becomes 255; what is brighter saturates.

        Returns:
            ``(H, W, bands)`` uint8 from 1 up: 0 is left for pixels without data.
        """
        dark = np.array(self.offset, np.float32)
        full = np.float32(white) * np.float32(np.mean(self.gain))
        stretched = (numbers.astype(np.float32) - dark) * (np.float32(255) / full)
        return np.clip(np.rint(stretched), 1, 255).astype(np.uint8)


PMS1 = Sensor(("red", "green", "blue", "nir"), 10, (1500.0, 1500.0, 1500.0, 1350.0), (24.0, 28.0, 34.0, 16.0), 0.45, 3.0)
"""The first camera of the pair."""

PMS2 = Sensor(("red", "green", "blue", "nir"), 10, (1640.0, 1420.0, 1530.0, 1200.0), (30.0, 26.0, 44.0, 20.0), 0.65, 5.0)
"""The second one: redder, softer and noisier than the first."""
