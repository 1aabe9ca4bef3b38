"""Checkpoints by address: what mmengine fetches from elsewhere is read as safely as a local file.

mmengine reads a download with ``torch.hub.load_state_dict_from_url``, which executes it, on both stacks. Here every scheme that
``mmengine.runner.CheckpointLoader`` knows ends in :func:`~rs_da_mm.engine.checkpoints.reading.load_checkpoint_file`. mmengine
still looks the names of ``torchvision://``, ``open-mmlab://`` and ``mmcls://`` up in its own lists.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import torch
from mmengine.dist import barrier, get_dist_info
from mmengine.fileio import get_file_backend
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint

from rs_da_mm.engine.checkpoints.reading import MapLocation, load_checkpoint_file
from rs_da_mm.errors import InputError

_WEB = ("http://", "https://")
_HASH_IN_NAME = re.compile(r"-[0-9a-f]{8,}\.\w+$")


def install_safe_loading() -> None:
    """Make mmengine read every checkpoint through :func:`load_checkpoint_file`; called when the package is imported.

    This covers ``load_from``, ``resume``, ``init_cfg=dict(type='Pretrained', …)`` and everything else that asks mmengine for a
    checkpoint. The functions' names matter: mmengine logs what follows ``load_from_`` in them.
    """
    loaders: dict[str | tuple[str, ...], Callable[..., Any]] = {
        "": load_from_local,
        _WEB: load_from_http,
        ("torchvision://", "modelzoo://"): load_from_torchvision,
        ("open-mmlab://", "openmmlab://"): load_from_openmmlab,
        "mmcls://": load_from_mmcls,
        (r"(\S+\:)?s3://", r"(\S+\:)?petrel://"): load_from_ceph,
        "pavi://": load_from_pavi,
    }
    for prefixes, loader in loaders.items():
        CheckpointLoader.register_scheme(prefixes=prefixes, loader=loader, force=True)


def load_from_local(filename: str, map_location: MapLocation = None) -> Any:
    """Read a file on disk."""
    return load_checkpoint_file(filename, map_location)


def load_from_http(filename: str, map_location: MapLocation = None) -> Any:
    """Fetch a checkpoint from the web into torch's cache, unless it is there, and read it.

    The first rank fetches, then the others read, or fetch for themselves where they do not see the first one's disk.

    Args:
        filename: The address.
        map_location: As in :func:`torch.load`.

    Raises:
        InputError: When it cannot be fetched, or what comes is refused or damaged; such a file does not stay in the cache.
    """
    rank, _ = get_dist_info()
    if rank == 0:
        try:
            return _load_cached(filename, map_location)
        finally:
            barrier()
    barrier()
    return _load_cached(filename, map_location)


def load_from_torchvision(filename: str, map_location: MapLocation = None) -> Any:
    """Read one of torchvision's weights by name."""
    return load_from_http(_look_up(filename, mmengine_checkpoint.get_torchvision_models()), map_location)


def load_from_openmmlab(filename: str, map_location: MapLocation = None) -> Any:
    """Read one of OpenMMLab's weights by name, or one that the user's own list gives a file for."""
    models = mmengine_checkpoint.get_external_models()
    new_names = mmengine_checkpoint.get_deprecated_model_names()
    scheme, _, name = filename.partition("://")
    address = _look_up(f"{scheme}://{new_names.get(name, name)}", models)
    if address.startswith(_WEB):
        return load_from_http(address, map_location)
    return load_checkpoint_file(Path(mmengine_checkpoint._get_mmengine_home()) / address, map_location)


def load_from_mmcls(filename: str, map_location: MapLocation = None) -> Any:
    """Read the backbone of one of mmpretrain's classifiers by name."""
    checkpoint = load_from_http(_look_up(filename, mmengine_checkpoint.get_mmcls_models()), map_location)
    return mmengine_checkpoint._process_mmcls_checkpoint(checkpoint)


def load_from_ceph(filename: str, map_location: MapLocation = None) -> Any:
    """Read a file of an object store, by mmengine's backend for it."""
    backend = get_file_backend(filename, backend_args={"backend": "petrel"})
    return _load_from_copy(filename, lambda copy: copy.write_bytes(backend.get(filename)), map_location)


def load_from_pavi(filename: str, map_location: MapLocation = None) -> Any:
    """Read a model of the PAVI cloud."""
    try:
        modelcloud = import_module("pavi").modelcloud
    except ImportError as error:
        raise InputError(f"{filename}: the package 'pavi', which fetches it, is not installed.") from error
    model = modelcloud.get(filename.removeprefix("pavi://"))
    return _load_from_copy(filename, lambda copy: model.download(str(copy)), map_location)


def _load_from_copy(filename: str, fetch: Callable[[Path], object], map_location: MapLocation) -> Any:
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows keeps a file that is still mapped
        copy = Path(folder) / f"copy{Path(filename).suffix}"
        fetch(copy)
        try:
            return load_checkpoint_file(copy, map_location)
        except InputError as error:
            raise _about(filename, copy, error) from error


def _about(address: str, copy: Path, error: InputError) -> InputError:
    """The same error, about the address that the user knows instead of the copy that is gone."""
    return InputError(str(error).replace(str(copy), address, 1))


def _look_up(filename: str, addresses: Mapping[str, str]) -> str:
    """Find the address of a name like ``torchvision://resnet50``."""
    name = filename.partition("://")[2]
    if name not in addresses:
        near = difflib.get_close_matches(name, addresses, n=3)
        hint = f"Near it are: {', '.join(near)}." if near else "Check the spelling."
        raise InputError(f"{filename}: mmengine knows no checkpoint of this name. {hint}")
    return addresses[name]


def cached_file(url: str) -> Path:
    """Say where the download of an address is kept.

    Args:
        url: The address.

    Returns:
        A file in torch's own cache where its name has a hash, as published weights' names have. A name without one, such as
        ``latest.pth``, may be another file at another address: these get a folder for each address.

    Raises:
        InputError: When the address names no file.
    """
    parts = urlsplit(url)
    name = parts.path.rpartition("/")[2]
    if name in ("", ".", "..") or "\\" in name or ":" in name:
        raise InputError(f"{url}: the address names no file. Give one that ends in .pth or .safetensors.")
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    if _HASH_IN_NAME.search(name):
        return folder / name
    place = hashlib.sha256(f"{parts.netloc.rpartition('@')[2]}{parts.path}".encode()).hexdigest()[:16]
    return folder / place / name


def _load_cached(url: str, map_location: MapLocation) -> Any:
    cached = cached_file(url)
    if cached.is_file():
        try:
            return load_checkpoint_file(cached, map_location)
        except InputError as error:
            raise InputError(
                f"{error} This is the download of {url} in torch's cache: delete it to have it fetched anew."
            ) from error
    _fetch(url, cached)
    try:
        return load_checkpoint_file(cached, map_location)
    except InputError as error:
        with suppress(OSError):
            cached.unlink()
        raise _about(url, cached, error) from error


def _fetch(url: str, place: Path) -> None:
    """Fetch a file under a temporary name, then put it in its place."""
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(url, str(place), progress=sys.stderr.isatty())
    except Exception as error:  # whatever urllib and the disk can raise
        raise InputError(
            f"{url}: cannot be fetched ({type(error).__name__}: {error}). Check the address and the connection, or fetch it by "
            "other means and give the file's path."
        ) from error
