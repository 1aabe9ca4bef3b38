"""Which layer of a vector file is meant, and what its head says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rasterio.crs import CRS
from rasterio.errors import CRSError

from rs_da_mm.errors import InputError
from rs_da_mm.raster.locations import Location
from rs_da_mm.raster.vectors.libraries import pyogrio


def choose_layer(path: Location, layer: str | None) -> str:
    """Find the layer of a vector file.

    Args:
        path: The file.
        layer: Its name, or ``None`` for the only one; tables without geometries do not count.

    Returns:
        Its name.

    Raises:
        InputError: When the file cannot be opened, or holds no such layer, or several and none is chosen.
    """
    if isinstance(path, Path) and not path.exists():
        raise InputError(f"{path} does not exist.")
    try:
        found = pyogrio().list_layers(path)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} is no vector file that can be opened: {error}") from error
    names = [str(name) for name, kind in found if kind is not None]
    listed = ", ".join(map(repr, names))
    if not names:
        raise InputError(f"{path} holds no layer with geometries.")
    if layer is None:
        if len(names) > 1:
            raise InputError(f"{path} holds {len(names)} layers: {listed}. Say which one is meant, layer=….")
        return names[0]
    if layer not in names:
        raise InputError(f"{path} holds no layer {layer!r}; it holds {listed}.")
    return layer


def read_head(path: Location, layer: str, **options: bool) -> dict[str, Any]:
    """Read what a layer says about itself, as ``pyogrio.read_info`` gives it.

    Args:
        path: The file.
        layer: The layer.
        options: Those of ``pyogrio.read_info``.

    Raises:
        InputError: When it cannot be read.
    """
    try:
        return dict(pyogrio().read_info(path, layer=layer, **options))
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"{path}, layer {layer!r}, cannot be read: {error}") from error


def read_crs(path: Location, spelled: str | None) -> Any:
    """Turn the coordinate system that a layer names into rasterio's ``CRS``; ``None`` for none.

    Raises:
        InputError: When it is not understood.
    """
    if spelled is None:
        return None
    try:
        return CRS.from_user_input(spelled)
    except CRSError as error:
        raise InputError(f"{path} names a coordinate system (CRS) that is not understood: {spelled}") from error
