"""Making a run ready for the machine that it is on: one process or several ranks, precision, memory layout.

mmengine 0.10's ``--launcher pytorch`` needs a GPU: it calls ``torch.cuda.set_device`` even for gloo, and hands ``device_ids`` to
the model's wrapper. Here the process group of a CPU run is made before the Runner, which then takes it as it is, and the wrapper
is told that there are no device ids.

Several ranks draw different random numbers unless the config says ``randomness = dict(diff_rank_seed=False)``: otherwise all
would augment their samples alike. Where the config has no seed, mmengine agrees on one and logs it. Ranks keep batch statistics
of their own: ``SyncBuffersHook`` averages them before a validation, which otherwise tests as many different models as there are
ranks. How the ranks end when one has failed is in :mod:`rs_da_mm.engine.rank_failures`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import timedelta
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import is_distributed
from mmengine.model import is_model_wrapper
from mmengine.registry import MODEL_WRAPPERS
from mmengine.runner import Runner
from torch import distributed as torch_dist
from torch.nn.parallel import DistributedDataParallel

from rs_da_mm.engine.agreement import leave_agreement
from rs_da_mm.engine.autocast import enable_autocast
from rs_da_mm.engine.environment import available_cores
from rs_da_mm.engine.network_format import checked_compile_options
from rs_da_mm.errors import InputError

_TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_SYNC_NORMS = ("SyncBN", "MMSyncBN", "SyncBatchNorm")


def prepare_run(
    cfg: MutableMapping[str, Any], launcher: str = "none", amp: bool | str = False, amp_evaluation: bool = False
) -> None:
    """Make a config ready for the Runner: everything that depends on the machine and on how the run was started.

    Beside :func:`prepare_ranks` it reads these keys of the config's top level:

    - ``randomness``: with several ranks ``diff_rank_seed`` is set unless the config says otherwise.
    - ``env_cfg.threads_per_rank``: threads that a process computes with on a CPU, without ranks too.
    - ``channels_last = True``: the networks' memory layout, and their input's.
    - ``compile_networks``: ``True``, a list of names, or a dict, see :func:`rs_da_mm.engine.network_format.compile_networks`.

    Args:
        cfg: The config that the Runner will be built from; it is changed.
        launcher: What started the ranks: ``'none'``, ``'pytorch'`` (torchrun), or on GPUs ``'slurm'`` and ``'mpi'``.
        amp: Whether to train in half precision: ``True`` for the device's own type, or ``'bfloat16'`` or ``'float16'``.
        amp_evaluation: Whether to evaluate in half precision too.

    Raises:
        InputError: When the machine, the launcher and the config do not fit together.
    """
    if amp:
        enable_autocast(cfg, amp if isinstance(amp, str) else None, evaluation=amp_evaluation)
    _add_format_hook(cfg)
    prepare_ranks(launcher, cfg)
    if launcher == "none":
        threads = (cfg.get("env_cfg") or {}).get("threads_per_rank")
        if threads is not None:
            torch.set_num_threads(threads)
    else:
        cfg["randomness"] = {"seed": None, "diff_rank_seed": True, **(cfg.get("randomness") or {})}


def prepare_ranks(launcher: str, cfg: MutableMapping[str, Any]) -> None:
    """Make ready for several ranks what the machine needs; call it before the Runner is built.

    On a CPU it joins gloo's process group, shares the cores out among the ranks and changes ``cfg.model_wrapper_cfg``; on GPUs
    it checks that there is one for this rank and leaves the rest to mmengine. ``cfg.launcher`` is set in any case.

    Args:
        launcher: ``'none'``, ``'pytorch'`` (torchrun), or on GPUs ``'slurm'`` and ``'mpi'``.
        cfg: The config that the Runner will be built from. ``env_cfg.dist_cfg.timeout`` (seconds) holds on a CPU too;
            ``env_cfg.threads_per_rank`` says how many threads a rank computes with on a CPU.

    Raises:
        InputError: When the process was not started by ``torchrun``, there are more ranks than GPUs, or the config asks for
            something that several ranks on a CPU cannot do (SyncBN, sharded parameters).
    """
    cfg["launcher"] = launcher
    if launcher == "none":
        return
    if launcher == "pytorch":
        missing = [name for name in _TORCHRUN if name not in os.environ]
        if missing:
            raise InputError(
                f"--launcher pytorch: {', '.join(missing)} not set in the environment, so this process is no rank of anything. "
                "Start it with `torchrun --nproc_per_node=N tools/train.py CONFIG --launcher pytorch`, or leave out --launcher."
            )
    device = get_device()
    if device == "cpu":
        _prepare_cpu(launcher, cfg)
    elif device == "cuda":
        _prepare_cuda(launcher, cfg)
    elif device == "mps":
        raise InputError(
            "--launcher: several ranks on Apple's GPU are not possible, it has no process group. Leave out --launcher."
        )


def finish_ranks(runner: Runner | None = None) -> None:
    """Leave the process group, if there is one; call it after the last collective step of a run that went well.

    The group ends with the last reference to it, and one is in every distributed wrapper of the model. A group that lives until
    the interpreter ends takes the process down with "terminate called without an active exception" now and then, because gloo's
    threads let go of their last tensors too late; torchrun then reports a run that went well as failed.

    Args:
        runner: Its model, or the model's networks, are taken out of their wrappers; it cannot train in several ranks afterwards.
    """
    if not is_distributed():
        return
    torch_dist.barrier()  # no rank is still sending
    if runner is not None and is_model_wrapper(runner.model):
        runner.model = runner.model.module
        for parent in list(runner.model.modules()):
            parent._modules.update(
                {name: child.module for name, child in parent._modules.items() if isinstance(child, DistributedDataParallel)}
            )
    leave_agreement()
    gc.collect()  # wrappers are part of reference cycles
    torch_dist.destroy_process_group()


def _add_format_hook(cfg: MutableMapping[str, Any]) -> None:
    options = {"channels_last": bool(cfg.get("channels_last")), "compile_networks": cfg.get("compile_networks")}
    wanted = options["channels_last"] or checked_compile_options(options["compile_networks"]) is not None
    if wanted or cfg.get("resume"):
        cfg["custom_hooks"] = [*(cfg.get("custom_hooks") or []), {"type": "NetworkFormatHook", **options}]


def _prepare_cuda(launcher: str, cfg: MutableMapping[str, Any]) -> None:
    if launcher == "pytorch" and int(os.environ["LOCAL_RANK"]) >= torch.cuda.device_count():
        raise InputError(
            f"--launcher pytorch: {os.environ.get('LOCAL_WORLD_SIZE', 'more')} ranks on a machine that shows "
            f"{torch.cuda.device_count()} GPUs. Start as many as there are GPUs, or set CUDA_VISIBLE_DEVICES=-1 to "
            "run them on the CPU."
        )
    if not torch_dist.is_nccl_available():  # Windows
        _set_backend(cfg, "gloo")


def _prepare_cpu(launcher: str, cfg: MutableMapping[str, Any]) -> None:
    if launcher != "pytorch":
        raise InputError(f"--launcher {launcher} on a machine without a GPU: expected 'pytorch'. Start the ranks with torchrun.")
    _refuse_sync_norm(cfg)
    cfg["model_wrapper_cfg"] = _cpu_wrapper(cfg)
    _set_backend(cfg, "gloo")
    _share_cores(cfg["env_cfg"].get("threads_per_rank"))
    if not is_distributed():
        timeout = cfg["env_cfg"]["dist_cfg"].get("timeout")
        torch_dist.init_process_group("gloo", timeout=None if timeout is None else timedelta(seconds=timeout))


def _set_backend(cfg: MutableMapping[str, Any], backend: str) -> None:
    env_cfg = dict(cfg.get("env_cfg") or {})
    cfg["env_cfg"] = {**env_cfg, "dist_cfg": {**env_cfg.get("dist_cfg", {}), "backend": backend}}


def _cpu_wrapper(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The config's model wrapper (mmengine's usual one where it has none), without device ids."""
    usual = {
        "type": "MMDistributedDataParallel",
        "broadcast_buffers": False,
        "find_unused_parameters": cfg.get("find_unused_parameters", False),
    }
    wrapper = dict(cfg.get("model_wrapper_cfg") or usual)
    named = wrapper.setdefault("type", usual["type"])
    kind = MODEL_WRAPPERS.get(named) if isinstance(named, str) else named
    if kind is None or not issubclass(kind, DistributedDataParallel):
        raise InputError(
            f"model_wrapper_cfg.type is {named!r}, which several ranks on a CPU cannot use; expected "
            "'MMDistributedDataParallel' or 'MMSeparateDistributedDataParallel'. Change it, or run on GPUs."
        )
    wrapper["device_ids"] = None
    return wrapper


def _refuse_sync_norm(cfg: Mapping[str, Any]) -> None:
    found = f"sync_bn = {cfg['sync_bn']!r}" if cfg.get("sync_bn") else next(_sync_norms(cfg.get("model"), "model"), None)
    if found is not None:
        raise InputError(
            f"{found}: synchronised batch normalisation does not run on a CPU. Use norm_cfg=dict(type='BN') with several "
            "ranks on a CPU, a single process (which turns it into BN by itself), or GPUs."
        )


def _sync_norms(node: Any, path: str) -> Iterator[str]:
    """Walk a config and name the keys that ask for synchronised batch normalisation."""
    if isinstance(node, Mapping):
        if node.get("type") in _SYNC_NORMS:
            yield f"{path}.type = {node['type']!r}"
        for key, value in node.items():
            yield from _sync_norms(value, f"{path}.{key}")
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for index, value in enumerate(node):
            yield from _sync_norms(value, f"{path}[{index}]")


def _share_cores(threads: int | None) -> None:
    """Give every rank of this machine its part of the cores.

    torchrun sets ``OMP_NUM_THREADS=1`` where the user said nothing, so a 1 is not taken for the user's wish.
    """
    ranks = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    wished = os.environ.get("OMP_NUM_THREADS", "1")
    if threads is None:
        threads = int(wished) if wished != "1" else max(1, available_cores() // ranks)
    torch.set_num_threads(threads)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # mmengine would set them to 1 and warn
        os.environ.setdefault(name, str(threads))
