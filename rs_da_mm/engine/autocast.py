"""Training and testing in half precision, on a GPU and on a CPU."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from mmengine.device import get_device
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from torch import nn
from torch.amp.grad_scaler import GradScaler

from rs_da_mm.errors import InputError
from rs_da_mm.registry import OPTIM_WRAPPERS

_HALF = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def half_dtype(device_type: str, dtype: str | torch.dtype | None = None) -> torch.dtype:
    """Decide the half-precision type of a device.

    Args:
        device_type: ``'cpu'`` or ``'cuda'``.
        dtype: ``'bfloat16'``, ``'float16'``, or ``None`` for the device's own: bfloat16 on a CPU and on a GPU that computes in
            it (NVIDIA's since Ampere), float16 on an older GPU.

    Returns:
        The type.

    Raises:
        InputError: When the device does not compute in it.
    """
    if device_type not in ("cpu", "cuda"):
        raise InputError(f"half precision on {device_type!r}: expected a CPU or a CUDA GPU. Leave out --amp.")
    if dtype is None:
        native = device_type == "cpu" or torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if native else torch.float16
    wanted = _HALF.get(dtype) if isinstance(dtype, str) else dtype
    if wanted is None or wanted not in _HALF.values():
        raise InputError(f"half precision in {dtype}: expected 'bfloat16' or 'float16'.")
    if device_type == "cpu" and wanted is torch.float16:
        raise InputError(
            "half precision in float16 on a CPU: its range is too small to train in without a scaler. Use 'bfloat16'."
        )
    return wanted


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(AmpOptimWrapper):
    """mmengine's ``AmpOptimWrapper`` that also works on a CPU: the network runs in half precision, its parameters stay float32.

    The gradient is scaled in float16 alone; bfloat16 has float32's range and needs no scaling. Accumulation and clipping are
    mmengine's.

    Args:
        optimizer: The optimizer; its parameters say which device this is about.
        dtype: ``'bfloat16'``, ``'float16'`` (on a GPU) or ``None``, see :func:`half_dtype`.
        loss_scale: ``'dynamic'``, a fixed scale, or ``torch.amp.GradScaler``'s arguments; used with float16 alone.
        **kwargs: ``accumulative_counts`` and ``clip_grad`` of mmengine's ``OptimWrapper``.

    Raises:
        InputError: When the device does not compute in ``dtype``.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        dtype: str | torch.dtype | None = None,
        loss_scale: Literal["dynamic"] | float | dict[str, Any] = "dynamic",
        **kwargs: Any,
    ) -> None:
        # Not AmpOptimWrapper's own: it refuses a CPU.
        OptimWrapper.__init__(self, optimizer=optimizer, **kwargs)
        self.device_type: str = optimizer.param_groups[0]["params"][0].device.type
        self.cast_dtype = half_dtype(self.device_type, dtype)
        options: dict[str, Any] = loss_scale if isinstance(loss_scale, dict) else {}
        if isinstance(loss_scale, int | float):
            options = {"init_scale": float(loss_scale)}
        # A fixed scale is set again at every update, a dynamic one finds its own.
        self._scale_update_param = options["init_scale"] if isinstance(loss_scale, int | float) else None
        self.loss_scaler = GradScaler(self.device_type, enabled=self.cast_dtype is torch.float16, **options)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Run the network's forward pass in half precision, and without synchronising ranks while gradients accumulate."""
        with OptimWrapper.optim_context(self, model), torch.autocast(self.device_type, dtype=self.cast_dtype):
            yield

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load the optimizer and, where both sides have one, the gradient scaler: a run may resume in another precision."""
        kept = dict(state_dict)
        if not kept.get("loss_scaler"):
            kept.pop("loss_scaler", None)
        super().load_state_dict(kept)


def enable_autocast(cfg: MutableMapping[str, Any], dtype: str | None = None, evaluation: bool = False) -> None:
    """Switch a config to half precision: what ``--amp`` does.

    Args:
        cfg: A config; its ``optim_wrapper`` (one, or one per network) becomes :class:`AutocastOptimWrapper`.
        dtype: ``'bfloat16'``, ``'float16'``, or ``None``: what the config says, or else the device's own.
        evaluation: Whether validation and testing run in half precision too. Off by default: close scores may then come out
            equal and the first class wins, so that accuracy is a little lower than that of the same weights in float32.

    Raises:
        InputError: When the config has an optimizer wrapper of another kind, or the device does not compute in ``dtype``.
    """
    device_type = get_device()
    for wrapper in _optimizer_wrappers(cfg):
        found = _class_name(wrapper.get("type", "OptimWrapper"))
        if found not in ("OptimWrapper", "AmpOptimWrapper", "AutocastOptimWrapper"):
            raise InputError(
                f"--amp: optim_wrapper.type is {found!r}; expected 'OptimWrapper'. Leave out --amp, or change the config."
            )
        wanted = dtype or wrapper.get("dtype")
        half_dtype(device_type, wanted)
        wrapper.update(type="AutocastOptimWrapper", dtype=wanted)
    if evaluation:
        # mmengine's loops open (or close) a context of their own, in the type that torch holds for the device.
        torch.set_autocast_dtype(device_type, half_dtype(device_type, dtype))
        for name in ("val_cfg", "test_cfg"):
            loop = cfg.get(name)
            if loop is not None and _class_name(loop.get("type", "ValLoop")) in ("ValLoop", "TestLoop"):
                loop["fp16"] = True


def _optimizer_wrappers(cfg: MutableMapping[str, Any]) -> list[MutableMapping[str, Any]]:
    """Find the wrapper of a config, or those of its several networks."""
    wrapper = cfg.get("optim_wrapper")
    if wrapper is None:
        return []
    if "optimizer" in wrapper:
        return [wrapper]
    return [value for value in wrapper.values() if isinstance(value, MutableMapping) and "optimizer" in value]


def _class_name(named: str | type) -> str:
    """Read a config's ``type``: a bare name, a name with its scope or module, or the class itself."""
    return (named if isinstance(named, str) else named.__name__).rpartition(".")[2]
