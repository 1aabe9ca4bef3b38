"""What the miniatures of GID and GID-15 share: Gaofen-2 scenes, their files, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray

from rs_da_mm.datasets.samples.labels import Legend, leave_out
from rs_da_mm.datasets.samples.landscape import LandscapeRecipe
from rs_da_mm.datasets.samples.miniature import Size
from rs_da_mm.datasets.samples.noise import named_generator
from rs_da_mm.datasets.samples.scene import make_scene, swath
from rs_da_mm.datasets.samples.sensor import PMS1, PMS2
from rs_da_mm.raster import Georeference, write_raster

METRES = 4.0
"""Width of a pixel of Gaofen-2's multispectral camera."""

_NIR_RED_GREEN_BLUE = [3, 0, 1, 2]


@dataclass(frozen=True)
class GaofenSet:
    """A data set of Gaofen-2 scenes in the publisher's layout.

    Attributes:
        name: Names the landscapes; another name gives other ones.
        scenes: Names of the scenes, ``GF2_PMS1__…`` or ``GF2_PMS2__…`` after their sensor.
        shapes: Height and width of a scene in pixels, per size of miniature.
        recipe: What country the scenes show.
        legend: How it is mapped.
        colours: Red, green, blue of each class number of the legend.
        label_folder: Where the label maps go.
        slanting: Every how many-th scene, from the first on, has corners without data.
        left_out: Share of a scene that is left unlabelled, in every fourth scene from the second on.
        deep: Every how many-th scene, from the first on, also comes with the sensor's own 10-bit numbers.
    """

    name: str
    scenes: tuple[str, ...]
    shapes: Mapping[Size, tuple[int, int]] = field(hash=False)
    recipe: LandscapeRecipe
    legend: Legend
    colours: tuple[tuple[int, int, int], ...]
    label_folder: str
    slanting: int
    left_out: float
    deep: int

    def write(self, root: Path, seed: int, size: Size) -> None:
        """Write all scenes.

        Args:
            root: The data set's root folder.
            seed: The user's seed.
            size: How large the scenes are.
        """
        for number, scene in enumerate(self.scenes):
            self._write_scene(root, seed, size, number, scene)

    def _write_scene(self, root: Path, seed: int, size: Size, number: int, scene: str) -> None:
        """Write one scene: its images and its label map."""
        name = f"{self.name}/{size}/{scene}"
        shape = self.shapes[size]
        sample = make_scene(seed, name, shape, self.recipe, PMS1 if "PMS1" in scene else PMS2, self.legend)
        rng = named_generator(seed, name, "delivery")
        place = _place(rng, number)
        labels = sample.labels
        if self.left_out and number % 4 == 1:
            leave_out(rng, labels, self.left_out, self.legend.unlabelled)
        if number % self.slanting == 0:
            outside = ~swath(rng, shape)
            sample.view[outside] = 0
            sample.numbers[outside] = 0
            labels[outside] = self.legend.unlabelled
        file = f"{scene}.tif"
        _write_image(root / "image_RGB" / file, sample.view[..., :3], place, ("red", "green", "blue"))
        nir_first = ("nir", "red", "green", "blue")
        _write_image(root / "image_NirRGB" / file, sample.view[..., _NIR_RED_GREEN_BLUE], place, nir_first)
        if number % self.deep == 0:
            _write_image(root / "image_16bit_NirRGB" / file, sample.numbers[..., _NIR_RED_GREEN_BLUE], place, nir_first)
        colours = np.array(self.colours, np.uint8)[labels]
        write_raster(root / self.label_folder / f"{scene}_label.tif", colours, georeference=place)


def _write_image(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16], place: Georeference, bands: tuple[str, ...]) -> None:
    """Write an image whose pixels of value 0 hold no data."""
    write_raster(path, np.ascontiguousarray(image), georeference=place, nodata=0, descriptions=bands)


def _place(rng: np.random.Generator, number: int) -> Georeference:
    """Put a scene somewhere in the middle of China, in one of two UTM zones, clear of all others."""
    east = 300_000 + METRES * int(rng.integers(0, 50_000))
    north = 3_200_000 + 20_000 * number + METRES * int(rng.integers(0, 1_000))
    return Georeference(crs=f"EPSG:{32649 + number % 2}", transform=Affine(METRES, 0, east, 0, -METRES, north))
