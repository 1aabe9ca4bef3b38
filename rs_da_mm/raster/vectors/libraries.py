"""The packages that read and change vectors: optional, and imported when they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from rs_da_mm.errors import InputError


def pyogrio() -> Any:
    """Import pyogrio, which reads vector files.

    Raises:
        InputError: When it is not installed; the message says how to get it.
    """
    _import("pyogrio.raw")
    return _import("pyogrio")


def shapely() -> Any:
    """Import shapely, which holds and changes geometries.

    Raises:
        InputError: When it is not installed; the message says how to get it.
    """
    return _import("shapely")


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"Vectors are read by the packages pyogrio and shapely, and {name.partition('.')[0]} is not installed: "
            "pip install 'rs_da_mm[vectors]', or give a raster in their place."
        ) from error
