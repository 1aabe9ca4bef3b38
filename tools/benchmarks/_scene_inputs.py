"""What ``scenes.py`` measures with: a drawn scene of four 16-bit bands, and a MACU-Net that was shown some of it.

Both forms of the network get the same weights: the three-convolution one of ``plain_macunet.py``, and this project's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from affine import Affine
from macunet import CLASSES, Segmentor, in_channels_last, training_step
from mmengine.config import Config
from numpy.typing import NDArray
from plain_macunet import PlainMACUNet
from rasterio.crs import CRS
from torch import Tensor

from rs_da_mm.raster import Georeference, RasterWriter

BANDS = 4
STRIP = 256
GRAIN = 48
"""Pixels between the points of the random fields that make up the scene."""
NODATA_PART = 0.14
"""Leg of the corner without data, as part of the shorter side."""
CONFIG = Path(__file__).resolve().parents[2] / "configs" / "_base_" / "models" / "macunet.py"
GROUND = Georeference(crs=CRS.from_epsg(32632), transform=Affine(2, 0, 500_000, 0, -2, 5_600_000))


@dataclass(frozen=True)
class SceneInputs:
    """Files to measure with.

    Attributes:
        scene: The scene, ``uint16``, 0 where there is no data.
        plain: Weights of :class:`plain_macunet.PlainMACUNet`.
        config: A config of this project.
        checkpoint: The same weights for that config.
        height: Rows of the scene.
        width: Its columns.
        mean: Of each band.
        std: Likewise.
    """

    scene: str
    plain: str
    config: str
    checkpoint: str
    height: int
    width: int
    mean: list[float]
    std: list[float]


class DrawnScene:
    """Fields of six classes, each of a colour of its own, under light that changes slowly, with noise.

    Args:
        height: Rows.
        width: Columns.
        seed: Another one gives another scene.
    """

    def __init__(self, height: int, width: int, seed: int = 0) -> None:
        self.height, self.width = height, width
        generator = torch.Generator().manual_seed(seed)
        size = (math.ceil(height / GRAIN) + 1, math.ceil(width / GRAIN) + 1)
        self._fields = torch.randn(1, CLASSES + 1, *size, generator=generator)
        self._colours = 600 + 2400 * torch.rand(CLASSES, BANDS, generator=generator)
        self._generator = generator

    def draw(self, row: int, col: int, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Draw a part; its noise is new every time.

        Returns:
            Pixels ``(height, width, bands)`` float32, whole numbers from 1 on, and labels ``(height, width)``.
        """
        rows, cols = (torch.arange(start, start + count) / GRAIN for start, count in ((row, height), (col, width)))
        lengths = torch.tensor([self._fields.shape[-1] - 1, self._fields.shape[-2] - 1])
        points = torch.stack([cols.expand(height, width), rows[:, None].expand(height, width)], dim=-1)
        grid = 2 * points / lengths - 1
        fields = F.grid_sample(self._fields, grid[None], "bicubic", "border", align_corners=True)[0]
        labels = fields[:CLASSES].argmax(0)
        light = 1 + 0.1 * fields[CLASSES].tanh()
        noise = 120 * torch.randn(height, width, BANDS, generator=self._generator)
        return (self._colours[labels] * light[..., None] + noise).clamp(1, 10_000).round(), labels

    def strips(self) -> Iterator[tuple[int, NDArray[np.uint16]]]:
        """Draw all of it from the top; a corner has no data."""
        leg = NODATA_PART * min(self.height, self.width)
        columns = np.arange(self.width)
        for row in range(0, self.height, STRIP):
            pixels = self.draw(row, 0, min(STRIP, self.height - row), self.width)[0].numpy().astype(np.uint16)
            pixels[(np.arange(row, row + len(pixels))[:, None] + columns) < leg] = 0
            yield row, pixels


def write_scene(path: Path, drawn: DrawnScene) -> None:
    """Write a scene as tiled GeoTIFF, compressed with deflate."""
    options: dict[str, Any] = {"count": BANDS, "dtype": "uint16", "nodata": 0, "georeference": GROUND, "blocksize": 256}
    with RasterWriter(path, height=drawn.height, width=drawn.width, **options) as writer:
        for row, pixels in drawn.strips():
            writer.write(pixels, row)


def train_briefly(drawn: DrawnScene, mean: Tensor, std: Tensor, steps: int, size: int) -> Segmentor:
    """Train a network for some steps, so that its statistics and scores are not those of noise.

    Args:
        drawn: The scene.
        mean: Of each band.
        std: Likewise.
        steps: How many, of four images each.
        size: Rows and columns of the images.
    """
    torch.manual_seed(0)
    network = in_channels_last(Segmentor(BANDS))
    step = training_step(network, torch.device("cpu"), "fp32")
    rng = np.random.default_rng(0)
    for _ in range(steps):
        corners = zip(rng.integers(drawn.height - size, size=4), rng.integers(drawn.width - size, size=4), strict=True)
        images, labels = zip(*(drawn.draw(int(row), int(col), size, size) for row, col in corners), strict=True)
        step(((torch.stack(images) - mean) / std).permute(0, 3, 1, 2), torch.stack(labels))
    return network.eval()


def save_weights(network: Segmentor, plain: Path, checkpoint: Path) -> None:
    """Write the weights for the three-convolution network and for this project's."""
    state = network.state_dict()
    torch.save(dict(zip(PlainMACUNet(BANDS, CLASSES).state_dict(), state.values(), strict=True)), plain)
    own = {name.replace("classifier.", "decode_head.conv_seg."): tensor for name, tensor in state.items()}
    shades = torch.linspace(0, 255, CLASSES).int().tolist()
    meta = {"classes": [f"class {number}" for number in range(CLASSES)], "palette": [[shade] * 3 for shade in shades]}
    torch.save({"state_dict": own, "meta": {"dataset_meta": meta}}, checkpoint)


def save_config(path: Path, mean: list[float], std: list[float]) -> None:
    """Write MACU-Net's config for the scene."""
    settings = Config.fromfile(str(CONFIG))
    settings.merge_from_dict(
        {
            "default_scope": "mmseg",
            "model.data_preprocessor": {"mean": mean, "std": std},
            "model.backbone.in_channels": BANDS,
            "model.decode_head.num_classes": CLASSES,
        }
    )
    settings.dump(str(path))


def make_inputs(folder: Path, height: int, width: int, steps: int = 100, size: int = 128) -> SceneInputs:
    """Make the scene and the weights, unless they are there.

    Args:
        folder: Where they go.
        height: Rows of the scene.
        width: Its columns.
        steps: Of training.
        size: Rows and columns of the images of the training.
    """
    made, told = folder / "inputs.json", {"height": height, "width": width, "steps": steps, "size": size}
    scene, plain, config, checkpoint = (folder / name for name in ("scene.tif", "plain.pth", "macunet.py", "macunet.pth"))
    content = json.loads(made.read_text(encoding="utf-8")) if made.exists() else {}
    if content.get("made_with") != told:
        folder.mkdir(parents=True, exist_ok=True)
        made.unlink(missing_ok=True)
        drawn = DrawnScene(height, width)
        write_scene(scene, drawn)
        sample = drawn.draw(0, 0, min(height, 1024), min(width, 1024))[0].reshape(-1, BANDS)
        mean, std = sample.mean(0), sample.std(0)
        save_weights(train_briefly(drawn, mean, std, steps, size), plain, checkpoint)
        save_config(config, mean.tolist(), std.tolist())
        content = {"made_with": told, "mean": mean.tolist(), "std": std.tolist()}
        made.write_text(json.dumps(content), encoding="utf-8")
    return SceneInputs(str(scene), str(plain), str(config), str(checkpoint), height, width, content["mean"], content["std"])
