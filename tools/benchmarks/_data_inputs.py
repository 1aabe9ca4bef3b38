"""What ``data.py`` reads: drawn scenes of four 16-bit bands as GeoTIFF, the same windows cut out as files, and many scenes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from _scene_inputs import BANDS, GROUND, DrawnScene
from numpy.typing import NDArray
from rasterio.windows import Window as FileWindow
from torch.utils.data import Dataset

from rs_da_mm.datasets import SceneWindowDataset
from rs_da_mm.datasets.transforms import LoadRaster, LoadRasterLabel, PackRSInputs
from rs_da_mm.raster import RasterWriter, Scene, window_grid

CLASSES = 6
BLOCK = 256
STRIP = 1024
COMPRESSIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "deflate": {"compress": "deflate", "predictor": 2},
    "zstd": {"compress": "zstd", "predictor": 2},
}
"""How the images are stored, by name: rasterio's keywords."""
METAINFO = {
    "classes": tuple(f"class {number}" for number in range(CLASSES)),
    "palette": [(number, 2 * number, 3 * number) for number in range(CLASSES)],
}


def write_scenes(folder: Path, scenes: int, size: int) -> None:
    """Draw scenes and write them as tiled GeoTIFF, once per compression, with one label each.

    Args:
        folder: Where ``images_<compression>`` and ``labels`` go; what is there already stays.
        scenes: How many.
        size: Rows and columns of each.
    """
    form: dict[str, Any] = {"driver": "GTiff", "height": size, "width": size, "crs": GROUND.crs, "transform": GROUND.transform}
    form.update(tiled=True, blockxsize=BLOCK, blockysize=BLOCK)
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    for number in range(scenes):
        label = folder / "labels" / f"{number}.tif"
        if label.exists():
            continue
        drawn = DrawnScene(size, size, seed=number)
        parts = [drawn.draw(row, 0, min(STRIP, size - row), size) for row in range(0, size, STRIP)]
        image = np.concatenate([pixels.numpy().astype(np.uint16) for pixels, _ in parts])
        for name, options in COMPRESSIONS.items():
            (folder / f"images_{name}").mkdir(exist_ok=True)
            with rasterio.open(
                folder / f"images_{name}" / f"{number}.tif", "w", count=BANDS, dtype="uint16", **form, **options
            ) as file:
                file.write(image.transpose(2, 0, 1))
        with RasterWriter(label, height=size, width=size, count=1, dtype="uint8", georeference=GROUND, blocksize=BLOCK) as writer:
            writer.write(np.concatenate([labels.numpy().astype(np.uint8) for _, labels in parts]))


def cut_windows(folder: Path, scenes: int, size: int, window: int) -> int:
    """Cut the windows of the grid out, as ``.npy`` and as PNG of 16 bits.

    Returns:
        How many there are.
    """
    count = 0
    (folder / "npy").mkdir(exist_ok=True)
    (folder / "png").mkdir(exist_ok=True)
    for number in range(scenes):
        image, label = Scene(folder / "images_none" / f"{number}.tif"), Scene(folder / "labels" / f"{number}.tif")
        for place in window_grid(size, size, window):
            name = f"{count:06d}"
            count += 1
            if (folder / "png" / f"{name}_label.png").exists():
                continue
            pixels, labels = image.read(place), label.read(place)[:, :, 0]
            np.save(folder / "npy" / f"{name}.npy", pixels)
            np.save(folder / "npy" / f"{name}_label.npy", labels)
            cv2.imwrite(str(folder / "png" / f"{name}.png"), pixels)
            cv2.imwrite(str(folder / "png" / f"{name}_label.png"), labels)
    return count


class CutWindows(Dataset[Any]):
    """Windows that were cut out before, packed like those that are not.

    Args:
        folder: Where they are.
        suffix: ``'.npy'`` or ``'.png'``.
        count: How many.
    """

    def __init__(self, folder: Path, suffix: str, count: int) -> None:
        self.folder, self.suffix, self.count = folder, suffix, count
        self.read: Callable[[Path], NDArray[Any]] = _read_npy if suffix == ".npy" else _read_png
        self.pack = PackRSInputs()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        image = self.read(self.folder / f"{index:06d}{self.suffix}")
        label = self.read(self.folder / f"{index:06d}_label{self.suffix}")
        shape = image.shape[:2]
        return self.pack(
            {"img": image, "gt_seg_map": label, "seg_fields": ["gt_seg_map"], "img_shape": shape, "ori_shape": shape}
        )


def _read_npy(path: Path) -> NDArray[Any]:
    return np.load(path)


def _read_png(path: Path) -> NDArray[Any]:
    image: NDArray[Any] = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return image


def windows_of_scenes(folder: Path, images: str, window: int, **options: Any) -> SceneWindowDataset:
    """Windows straight from the GeoTIFFs, loaded and packed.

    Args:
        folder: Where :func:`write_scenes` wrote.
        images: The folder of the images in it.
        window: Rows and columns of a window.
        **options: Further arguments of the data set.
    """
    return SceneWindowDataset(
        folder,
        image_dir=images,
        label_values={number: number for number in range(CLASSES)},
        metainfo=METAINFO,
        window_size=window,
        pipeline=[LoadRaster(), LoadRasterLabel(), PackRSInputs()],
        **options,
    )


def write_many_scenes(folder: Path, scenes: int, size: int) -> None:
    """Write scenes whose labels are real and whose images are all but empty: the index looks at labels only.

    Args:
        folder: Where ``images`` and ``labels`` go; what is there already stays.
        scenes: How many; all labels are copies of one.
        size: Rows and columns.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "labels").mkdir(parents=True, exist_ok=True)
    first = folder / "labels" / "0000.tif"
    if not first.exists():
        drawn = DrawnScene(size, size)
        with RasterWriter(first, height=size, width=size, count=1, dtype="uint8", georeference=GROUND, blocksize=512) as writer:
            for row in range(0, size, STRIP):
                writer.write(drawn.draw(row, 0, min(STRIP, size - row), size)[1].numpy().astype(np.uint8), row)
    form = {"driver": "GTiff", "height": size, "width": size, "count": BANDS, "dtype": "uint16", "tiled": True}
    for number in range(scenes):
        image, label = (folder / name / f"{number:04d}.tif" for name in ("images", "labels"))
        if not image.exists():
            with rasterio.open(image, "w", SPARSE_OK=True, crs=GROUND.crs, transform=GROUND.transform, **form) as file:
                file.write(np.ones((BANDS, BLOCK, BLOCK), np.uint16), window=FileWindow(0, 0, BLOCK, BLOCK))
        if not label.exists():
            shutil.copyfile(first, label)


def count_many(folder: Path, window: int) -> SceneWindowDataset:
    """The data set of :func:`write_many_scenes`: windows, class counts and a split, all of which it remembers."""
    return SceneWindowDataset(
        folder,
        label_values={number: number for number in range(CLASSES)},
        metainfo=METAINFO,
        window_size=window,
        max_ignored=0.9,
        split={"type": "blocked", "block": 8},
    )
