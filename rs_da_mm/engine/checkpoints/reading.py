"""Reading one checkpoint file: nothing that it brings along is run, and nothing that was damaged on the way is taken.

mmengine 0.10 reads local files with plain ``torch.load``: on torch ≥ 2.6 that refuses mmengine's own checkpoints (they hold
``HistoryBuffer`` objects), and OneDL's fork then falls back to executing whatever the file says. The reader here reads both, with
a fixed list of harmless types, and refuses everything else. PyTorch's own reader leaves the checksums out that stand in the file.
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from rs_da_mm.engine.checkpoints.weights_file import read_weights_file
from rs_da_mm.errors import InputError

MapLocation = str | torch.device | Callable[..., Any] | None
SafeGlobal = Callable[..., Any] | tuple[Callable[..., Any], str]

_STATISTICS = ("min", "max", "current", "mean")
_INTEGERS = tuple(f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64))
_DTYPES = ("bool", "U1", "float16", "float32", "float64", *_INTEGERS)
_ZIP_START = b"PK\x03\x04"
_PIECE = 1 << 20
_CUT_OFF = "It may have been cut off while it was written or copied: take the one before, or fetch it again."


def _history_buffer_statistic(owner: Any, name: str) -> Any:
    """Stand in for ``getattr``, which a pickled ``HistoryBuffer`` calls for its four statistics and nothing else."""
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(f"attribute {name!r} of {owner!r} is not a statistic of mmengine's HistoryBuffer")
    return getattr(HistoryBuffer, name)


def _safe_globals() -> list[SafeGlobal]:
    """List the types beside tensors and plain containers that an mmengine checkpoint holds."""
    reconstruct: Callable[..., Any] = np.array(0.0).__reduce__()[0]  # type: ignore[assignment]
    scalar: Callable[..., Any] = np.float64(0.0).__reduce__()[0]  # type: ignore[assignment]
    dtypes = {type(np.dtype(name)) for name in _DTYPES}
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
        filename: The file. A ``.safetensors`` file holds weights alone and comes back as ``{'state_dict': …, 'meta': …}``.
        map_location: As in :func:`torch.load`. Without it, and without a GPU, tensors come to the CPU.

    Returns:
        What was saved: usually a dict with ``meta``, ``state_dict``, ``message_hub`` and ``optimizer``.

    Raises:
        InputError: When the file is missing, damaged, or holds objects that would have to be executed to be read.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise InputError(f"{path}: there is no such checkpoint. Check the path; training writes to <work-dir>/epoch_N.pth.")
    if map_location is None and not torch.cuda.is_available():
        map_location = "cpu"
    if path.suffix == ".safetensors":
        weights, dataset_meta = read_weights_file(path)
        if isinstance(map_location, str | torch.device):
            weights = {name: tensor.to(map_location) for name, tensor in weights.items()}
        return {"state_dict": weights, "meta": {} if dataset_meta is None else {"dataset_meta": dataset_meta}}
    _require_undamaged(path)
    try:
        with torch.serialization.safe_globals(_safe_globals()):
            checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # a damaged pickle raises whatever its bytes happen to spell
        raise InputError(f"{path}: {_explain(error)}") from error
    return _without_config_program(checkpoint)


def _require_undamaged(path: Path) -> None:
    """Compare each record with its checksum.

    Raises:
        InputError: Naming the file and the first record that is not as it was written.
    """
    damaged = damaged_record(path)
    if damaged is not None:
        raise InputError(
            f"{path}: is damaged: its record '{damaged}' is not what was written (the checksum differs). Fetch or copy the file "
            "again, or take another checkpoint."
        )


def damaged_record(path: Path) -> str | None:
    """Name the first record of a checkpoint whose bytes do not fit their CRC-32.

    Args:
        path: A file as :func:`torch.save` writes it. One of the format before PyTorch 1.6, which is no zip archive, has no
            checksums, and neither has one that was saved under ``torch.serialization.set_crc32_options(False)``.

    Returns:
        The record's name in the archive, or ``None`` when all are undamaged or there are no checksums.

    Raises:
        InputError: When the archive has no table of contents.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_ZIP_START)) != _ZIP_START:
                return None
            with zipfile.ZipFile(file) as archive:
                records = archive.infolist()
                if all(record.CRC == 0 for record in records):
                    return None
                return next((record.filename for record in records if not _reads_well(archive, record)), None)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a checkpoint ({error}). {_CUT_OFF}") from error


def _reads_well(archive: zipfile.ZipFile, record: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(record) as content:
            while content.read(_PIECE):  # compares the checksum at the end
                pass
    except Exception:  # the damage may be in the record's own head, which then names a cipher or a method that there is not
        return False
    return True


def _explain(error: Exception) -> str:
    """Say why a file was not read, without torch's advice to read it unsafely."""
    message = str(error)
    if isinstance(error, pickle.UnpicklingError) or "weights_only" in message:
        found = re.search(r"GLOBAL ([\w.]+)", message)
        archive = re.search(r"TorchScript|\.tar", message)
        what = f"it calls {found.group(1)}" if found else "its pickle asks for something else, or it is no checkpoint at all"
        if archive:
            what = f"it is a {archive.group().strip('.')} archive"
        return (
            f"refused, because it holds more than weights and plain data ({what}): such a file can run any program when it is "
            "read. Get the weights as .safetensors, or as a state dict of tensors."
        )
    reason = next(iter(message.splitlines()), "").strip()
    return f"cannot be read as a checkpoint ({type(error).__name__}: {reason}). {_CUT_OFF}"


def _without_config_program(checkpoint: Any) -> Any:
    """Keep a config's text out of the place from which mmengine executes it.

    ``Runner.resume`` runs what stands under ``meta['config']``, where mmcv 1 kept the config, as a Python program. mmengine's own
    place for it is ``meta['cfg']``, which nothing executes.
    """
    meta = checkpoint.get("meta") if isinstance(checkpoint, dict) else None
    if isinstance(meta, dict) and "config" in meta:
        text = meta.pop("config")
        meta.setdefault("cfg", text)
    return checkpoint
