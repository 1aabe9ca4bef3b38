"""Small data sets made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

from rs_da_mm.datasets import GIDDataset
from rs_da_mm.raster import Georeference, write_raster

PALETTE = np.array(GIDDataset.METAINFO["palette"], dtype=np.uint8)
UTM = rasterio.crs.CRS.from_epsg(32649)
GRID = Affine(4.0, 0.0, 500_000.0, 0.0, -4.0, 3_300_000.0)


def write_scene(root: Path, scene: str, image: NDArray, labels: NDArray) -> None:
    """One scene in GID's layout: an image, and a label in colours, both georeferenced."""
    place = Georeference(UTM, GRID)
    for folder in ("image_RGB", "label_5classes"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    write_raster(root / "image_RGB" / f"{scene}.tif", image, georeference=place)
    write_raster(root / "label_5classes" / f"{scene}_label.tif", PALETTE[labels], georeference=place)


@pytest.fixture
def gid_maker(tmp_path: Path) -> Callable[..., dict[str, tuple[NDArray, NDArray]]]:
    """Write scenes of given shapes under ``tmp_path``; gives the images and class indices that were written."""

    def make(shapes: Mapping[str, tuple[int, int]], seed: int = 0) -> dict[str, tuple[NDArray, NDArray]]:
        rng = np.random.default_rng(seed)
        written = {}
        for scene, (height, width) in shapes.items():
            image = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            labels = rng.integers(0, 6, (height, width), dtype=np.uint8)
            write_scene(tmp_path, scene, image, labels)
            written[scene] = (image, labels)
        return written

    return make


@pytest.fixture
def write_hollow() -> Callable[[Path, int, int], None]:
    """Write a GeoTIFF of any size that takes a few KB: a header, and one block; the others were never written."""
    return _write_hollow


def _write_hollow(path: Path, height: int, width: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    form = {"driver": "GTiff", "height": height, "width": width, "count": 3, "dtype": "uint8", "crs": UTM, "transform": GRID}
    with rasterio.open(path, "w", tiled=True, compress="deflate", SPARSE_OK=True, **form) as file:
        file.write(np.ones((3, 256, 256), dtype=np.uint8), window=rasterio.windows.Window(0, 0, 256, 256))
