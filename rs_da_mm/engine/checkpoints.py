"""Loading checkpoints without running anything that they bring along.

mmengine 0.10 reads local files with plain ``torch.load``: on torch ≥ 2.6 that refuses mmengine's own checkpoints (they hold
``HistoryBuffer`` objects), and OneDL's fork then falls back to executing whatever the file says. The loader here reads both, with
a fixed list of harmless types, and refuses everything else.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import CheckpointLoader
from torch import nn

from rs_da_mm.errors import InputError

MapLocation = str | torch.device | Callable[..., Any] | None
SafeGlobal = Callable[..., Any] | tuple[Callable[..., Any], str]

_STATISTICS = ("min", "max", "current", "mean")


def _history_buffer_statistic(owner: Any, name: str) -> Any:
    """Stand in for ``getattr``, which a pickled ``HistoryBuffer`` calls for its four statistics and nothing else."""
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f"attribute {name!r} of {owner!r} is not a statistic of mmengine's HistoryBuffer")
    return getattr(HistoryBuffer, name)


def _safe_globals() -> list[SafeGlobal]:
    """List the types beside tensors and plain containers that an mmengine checkpoint holds."""
    reconstruct: Callable[..., Any] = np.array(0.0).__reduce__()[0]  # type: ignore[assignment]
    scalar: Callable[..., Any] = np.float64(0.0).__reduce__()[0]  # type: ignore[assignment]
    dtypes = {type(np.dtype(name)) for name in ("float64", "float32", "int64", "int32", "uint8", "bool")}
    # NumPy 1 and 2 keep the same functions in differently named modules, and a file names the one that it was written with.
    by_module: list[SafeGlobal] = [
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for function, name in ((reconstruct, "_reconstruct"), (scalar, "scalar"))
    ]
    return [HistoryBuffer, (_history_buffer_statistic, "builtins.getattr"), np.ndarray, np.dtype, *dtypes, *by_module]


def load_checkpoint_file(filename: str | Path, map_location: MapLocation = None) -> Any:
    """Read a ``.pth`` or ``.safetensors`` checkpoint from disk, executing nothing.

    Args:
        filename: The file. A ``.safetensors`` file holds weights alone and comes back as ``{'state_dict': …}``.
        map_location: As in :func:`torch.load`.

    Returns:
        What was saved: usually a dict with ``meta``, ``state_dict``, ``message_hub`` and ``optimizer``.

    Raises:
        InputError: When the file is missing, damaged, or holds objects that would have to be executed to be read.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise InputError(f"{path}: there is no such checkpoint. Check the path; training writes to <work-dir>/epoch_N.pth.")
    if path.suffix == ".safetensors":
        return {"state_dict": _load_safetensors(path, map_location)}
    try:
        with torch.serialization.safe_globals(_safe_globals()):
            return torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path}: refused, because it holds more than weights and plain data ({_refusal(error)}): such a file can run any "
            "program when it is read. Get the weights as .safetensors, or as a state dict of tensors."
        ) from error
    except (EOFError, OSError, RuntimeError) as error:
        raise InputError(
            f"{path}: cannot be read as a checkpoint ({type(error).__name__}). It may have been cut off while it was written or "
            "copied: take the one before, or fetch it again."
        ) from error


def _load_safetensors(path: Path, map_location: MapLocation) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights: dict[str, torch.Tensor] = load_file(path)
    except SafetensorError as error:
        raise InputError(f"{path}: is not a readable .safetensors file: {error}. Fetch it again.") from error
    if isinstance(map_location, str | torch.device):
        return {name: tensor.to(map_location) for name, tensor in weights.items()}
    return weights


def _refusal(error: Exception) -> str:
    """Say what a file wanted to have run, without torch's advice to let it."""
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    return f"it calls {found.group(1)}" if found else "its pickle asks for something else than data"


def install_safe_loading() -> None:
    """Make mmengine read every local checkpoint through :func:`load_checkpoint_file`; called when the package is imported."""
    CheckpointLoader.register_scheme(prefixes="", loader=load_from_local, force=True)


def load_from_local(filename: str, map_location: MapLocation = None) -> Any:
    """Serve as mmengine's backend for local files (it prints the name after ``load_from_``)."""
    return load_checkpoint_file(filename, map_location)


def load_model_strictly(model: nn.Module, filename: str | Path) -> None:
    """Load weights for evaluation; every weight must find its place.

    Args:
        model: The model, plain, wrapped for distribution, or for test-time augmentation.
        filename: A checkpoint of mmengine's runner, a state dict, or a ``.safetensors`` file.

    Raises:
        InputError: When the file cannot be read (:func:`load_checkpoint_file`), or names or shapes differ from the model's.
    """
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = cast(nn.Module, model.module)
    checkpoint = load_checkpoint_file(filename, map_location="cpu")
    weights = checkpoint.get("state_dict", checkpoint)
    own = model.state_dict()
    differences = [
        *(f"{name} is missing in the file" for name in own if name not in weights),
        *(f"{name} is in the file only" for name in weights if name not in own),
        *(
            f"{name} is {tuple(weights[name].shape)} in the file and {tuple(tensor.shape)} in the model"
            for name, tensor in own.items()
            if name in weights and weights[name].shape != tensor.shape
        ),
    ]
    if differences:
        shown = "; ".join(differences[:3])
        more = f"; and {len(differences) - 3} more differences" if len(differences) > 3 else ""
        raise InputError(
            f"{filename}: does not fit the config's model: {shown}{more}. Take the config that it was trained with (in the work "
            "dir), with the same bands and classes."
        )
    model.load_state_dict(weights)
