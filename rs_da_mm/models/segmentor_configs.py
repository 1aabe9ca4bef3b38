"""Segmentors by name: this project's, and every config that the installed mmsegmentation brings along."""

from __future__ import annotations

import difflib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rs_da_mm.compat import shipped_configs
from rs_da_mm.engine.command_line import read_config_file
from rs_da_mm.errors import InputError

OWN = ("macunet", "resnet_unet", "resnet_unet_18", "resnet_unet_34")
SHORT_NAMES = {"deeplabv3plus": "deeplabv3plus_r50-d8", "segformer": "segformer_mit-b0", "upernet": "upernet_r50"}
"""What the usual names of three networks stand for in mmsegmentation's ``_base_/models``."""

_NARROW_HEAD = 16
"""Channels that ``ResNetUNet`` gives by default with 18 and 34 layers."""


def segmentor_names() -> list[str]:
    """List every name that :func:`read_segmentor` knows."""
    return sorted({*OWN, *SHORT_NAMES, *_mmseg_configs()})


def read_segmentor(name_or_file: str | Path) -> dict[str, Any]:
    """Read the ``model`` of a config, as it stands there.

    Args:
        name_or_file: ``'macunet'``, ``'resnet_unet'`` (50 layers), ``'resnet_unet_18'``, ``'resnet_unet_34'``,
            ``'deeplabv3plus'``, ``'segformer'``, ``'upernet'``; the name of a config of mmsegmentation without its ending, like
            ``'pspnet_r50-d8'`` or ``'segformer_mit-b2_8xb2-160k_ade20k-512x512'``; or a config file, which is run as Python.

    Raises:
        InputError: When there is no such name or file, or it has no model.
    """
    name = str(name_or_file)
    if name in OWN:
        return _own(name)
    path = _mmseg_configs().get(SHORT_NAMES.get(name, name))
    if path is None:
        path = Path(name)
        if path.suffix not in (".py", ".json"):
            raise InputError(_unknown(name))
    config: Mapping[str, Any] = read_config_file(path).to_dict()
    model = config.get("model")
    if not isinstance(model, Mapping):
        raise InputError(f"{path}: has no `model`. Give a config of a segmentor, or a name like 'macunet'.")
    return dict(model)


def _own(name: str) -> dict[str, Any]:
    *_, depth = name.split("_")
    base = name.removesuffix(f"_{depth}") if depth.isdigit() else name
    model: dict[str, Any] = read_config_file(shipped_configs() / "_base_" / "models" / f"{base}.py").to_dict()["model"]
    if depth.isdigit():
        model["backbone"] = {"type": "ResNetUNet", "in_channels": 3, "depth": int(depth)}
        model["decode_head"].update(in_channels=_NARROW_HEAD, channels=_NARROW_HEAD)
    return model


def _mmseg_configs() -> dict[str, Path]:
    """The config files of mmsegmentation by name, from where it was installed or from its clone."""
    found = importlib.util.find_spec("mmseg")
    if found is None or found.origin is None:
        return {}
    package = Path(found.origin).parent
    folder = next((place for place in (package / ".mim" / "configs", package.parent / "configs") if place.is_dir()), None)
    if folder is None:
        return {}
    files = (path for pattern in ("*/*.py", "_base_/models/*.py") for path in sorted(folder.glob(pattern)))
    return {path.stem: path for path in files if path.parent.name != "_base_"}


def _unknown(name: str) -> str:
    known = segmentor_names()
    near = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.4)
    hint = f" Near it are: {', '.join(near)}." if near else ""
    return (
        f"there is no segmentor called {name!r}.{hint} Names are {', '.join([*OWN, *SHORT_NAMES])}, those of mmsegmentation's "
        f"configs ({max(0, len(known) - len(OWN) - len(SHORT_NAMES))} are installed), or a config file (.py or .json)."
    )
