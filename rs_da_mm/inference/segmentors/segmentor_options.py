"""How a model is to compute: where, in which precision, fused, compiled, over how many symmetries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch

from rs_da_mm.errors import InputError

Precision = Literal["float32", "bfloat16", "float16"]
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_NATIVE_ON_CPU = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""torch's names for what a processor needs to compute in bfloat16 and not only to store it."""


@dataclass(frozen=True)
class SegmentorOptions:
    """How a model computes.

    Attributes:
        device: ``'cpu'``, ``'cuda'``, ``'cuda:1'``; ``None`` for the GPU where there is one, else the CPU.
        precision: ``None`` for bfloat16 where the device computes in it, else float32. Parameters stay float32, and so does what
            becomes of the scores.
        deploy: Whether blocks that can be folded into one convolution are (``switch_to_deploy``).
        channels_last: Whether maps lie in memory as pixels × channels, the faster way for convolutions.
        compile: Whether backbone and neck go through ``torch.compile``.
        tta: Whether probabilities are averaged over the eight symmetries of the square.
    """

    device: str | None = None
    precision: Precision | None = None
    deploy: bool = True
    channels_last: bool = True
    compile: bool = False
    tta: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """The precision; float32 where it was left open."""
        return _DTYPES[self.precision or "float32"]


def settled(options: SegmentorOptions) -> SegmentorOptions:
    """Decide what was left open.

    Args:
        options: What was asked for.

    Returns:
        The same with device and precision.

    Raises:
        InputError: When there is no such device or precision, or the device does not compute in it.
    """
    device = _device(options.device)
    precision = options.precision or ("bfloat16" if _has_bfloat16(device.type) else "float32")
    if precision not in _DTYPES:
        raise InputError(f"precision {precision!r}: expected one of {', '.join(_DTYPES)}.")
    if precision == "float16" and device.type != "cuda":
        raise InputError(f"precision 'float16' on {device.type!r}: only a GPU computes in it. Use 'bfloat16' or 'float32'.")
    if precision == "bfloat16" and device.type not in ("cpu", "cuda"):
        raise InputError(f"precision 'bfloat16' on {device.type!r}: expected a CPU or a CUDA GPU. Use 'float32'.")
    return replace(options, device=str(device), precision=precision)


def _device(name: str | None) -> torch.device:
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
    except RuntimeError as error:
        raise InputError(f"device {name!r}: there is no such kind; expected 'cpu', 'cuda' or 'cuda:0'.") from error
    count = torch.cuda.device_count() if device.type == "cuda" else 1
    if (device.index or 0) >= count:
        raise InputError(
            f"device {name!r}: this machine has {count or 'no'} CUDA GPU{'s' * (count > 1)}. Use 'cpu', or one it has."
        )
    return device


def _has_bfloat16(device_type: str) -> bool:
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device_type != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in _NATIVE_ON_CPU)
