"""Weights as ``.safetensors``: reading them, and the hash by which they are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rs_da_mm.errors import InputError

WEIGHTS_HASH = "weights_sha256"
"""Where a published file's metadata has the hash of its weights."""
DATASET_META = "dataset_meta"
"""Where it has the classes and their colours, as JSON."""


def weights_sha256(weights: Mapping[str, Tensor]) -> str:
    """Hash weights, and nothing about the file that holds them.

    Args:
        weights: Tensors by name.

    Returns:
        SHA-256, 64 hexadecimal digits, over the names in alphabetical order, each with its tensor's dtype, shape and bytes.
    """
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        head = json.dumps([name, str(tensor.dtype).removeprefix("torch."), list(tensor.shape)])
        digest.update(f"{len(head)}:{head}".encode())
        # As bytes: NumPy, which gives a buffer to hash, has no bfloat16.
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_metadata(path: Path) -> dict[str, str]:
    """Read the text that a ``.safetensors`` file carries beside its weights.

    Raises:
        InputError: When the file is not a ``.safetensors`` file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: is not a readable .safetensors file: {error}. Fetch it again.") from error


def read_weights_file(path: Path) -> tuple[dict[str, Tensor], Any]:
    """Read the weights of a ``.safetensors`` file, whoever wrote it.

    Args:
        path: The file. One that ``tools/publish.py`` wrote is compared with the hash that it carries.

    Returns:
        Tensors by name, on the CPU; and the data set's ``classes`` and ``palette`` where the file names them, else ``None``.

    Raises:
        InputError: When the file is not a ``.safetensors`` file, or its weights are not those that were published.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    metadata = read_metadata(path)
    try:
        weights: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: is not a readable .safetensors file: {error}. Fetch it again.") from error
    expected = metadata.get(WEIGHTS_HASH)
    if expected is not None and weights_sha256(weights) != expected:
        raise InputError(
            f"{path}: is damaged or was changed: its weights do not have the SHA-256 {expected} that the file itself names. "
            "Fetch it again from where it was published."
        )
    return weights, _parse_dataset_meta(path, metadata)


def _parse_dataset_meta(path: Path, metadata: Mapping[str, str]) -> Any:
    if WEIGHTS_HASH not in metadata or DATASET_META not in metadata:
        return None
    try:
        return json.loads(metadata[DATASET_META])
    except ValueError as error:
        raise InputError(f"{path}: its '{DATASET_META}' is not JSON: {error}. Fetch it again.") from error
