"""One scene of a miniature: a landscape, the image a sensor takes of it, and the label map a publisher draws."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.appearance import illuminate, reflectance
from rs_da_mm.datasets.samples.ground import Ground
from rs_da_mm.datasets.samples.labels import Legend, draw_labels
from rs_da_mm.datasets.samples.landscape import SUPERSAMPLING, LandscapeRecipe, grow_landscape
from rs_da_mm.datasets.samples.noise import named_generator
from rs_da_mm.datasets.samples.sensor import Sensor


class SampleScene(NamedTuple):
    """What a scene consists of.

    Attributes:
        ground: The landscape, drawn finer than the image.
        numbers: uint16 ``(H, W, bands)`` digital numbers of the sensor, 1 and up.
        view: uint8 ``(H, W, bands)``, the same stretched for viewing, 1 and up.
        labels: uint8 ``(H, W)`` class numbers of the legend.
    """

    ground: Ground
    numbers: NDArray[np.uint16]
    view: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def make_scene(
    seed: int, name: str, shape: tuple[int, int], recipe: LandscapeRecipe, sensor: Sensor, legend: Legend
) -> SampleScene:
    """Grow, photograph and map one scene.

    Args:
        seed: The user's seed.
        name: Data set and scene in full; every other name gives another scene.
        shape: Height and width in pixels.
        recipe: What country it is.
        sensor: What takes the image.
        legend: How the publisher maps it.

    Returns:
        The scene.
    """
    ground = grow_landscape(seed, name, shape, recipe)
    look = named_generator(seed, name, "look")
    light = illuminate(look, reflectance(look, ground), haze=float(look.uniform(0.0, 0.035)))
    numbers = sensor.expose(light, named_generator(seed, name, "sensor"), SUPERSAMPLING)
    view = sensor.to_8_bit(numbers, white=float(look.uniform(0.34, 0.46)))
    labels = draw_labels(named_generator(seed, name, "labels"), ground, legend, SUPERSAMPLING)
    return SampleScene(ground, numbers, view, labels)


def swath(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Mask the part of a north-up raster that a slanting swath covers: all but a triangle at each corner.

    Args:
        rng: How far the swath slants.
        shape: Height and width in pixels.

    Returns:
        ``(H, W)``, true where there is data.
    """
    height, width = shape
    across, down = round(width * rng.uniform(0.03, 0.08)), round(height * rng.uniform(0.03, 0.08))
    corners = np.array([(across, 0), (width, down), (width - across, height), (0, height - down)], np.int32)
    mask = np.zeros(shape, np.uint8)
    cv2.fillConvexPoly(mask, corners, 1)
    return mask.astype(bool)
