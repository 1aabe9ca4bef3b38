"""What a map depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from rs_da_mm.inference.inputs import SceneInput
from rs_da_mm.inference.maps.options import MapOptions
from rs_da_mm.inference.maps.reading import ReadOptions, scene_files
from rs_da_mm.raster import portable_name, scene_fingerprint
from rs_da_mm.version import __version__

_OUTPUTS = ("cog", "scores", "uncertainty", "vectors", "min_area", "preview", "style")


def map_identity(
    scene: SceneInput, reading: ReadOptions, model: Mapping[str, Any], windows: Mapping[str, Any], options: MapOptions
) -> dict[str, Any]:
    """Tell all that a map depends on beside the versions of libraries.

    Args:
        scene: The scene.
        reading: How it is read.
        model: What the model's numbers depend on.
        windows: Size and batches of the windows.
        options: How it is mapped.

    Returns:
        Nested objects, as JSON gives them back.

    Raises:
        RasterError: When a file of the scene cannot be read.
    """
    identity = {
        "scene": {
            "files": [portable_name(path) for path in scene.paths],
            "mask": None if scene.mask is None else portable_name(scene.mask),
            "fingerprint": scene_fingerprint(scene_files(scene)),
        },
        "reading": {name: value for name, value in asdict(reading).items() if name != "checks"},
        "model": {name: value for name, value in model.items() if name != "torch"},
        "windows": {**windows, "overlap": options.overlap, "margin": options.margin, "unreadable": options.unreadable},
        "outputs": {name: getattr(options, name) for name in _OUTPUTS},
    }
    plain: dict[str, Any] = json.loads(json.dumps(identity))
    return plain


def library_versions() -> dict[str, str]:
    """Tell the versions that the last bits of a map may depend on, so that no two of them make one map."""
    return {"rs_da_mm": __version__, "torch": str(torch.__version__), "NumPy": np.__version__}
