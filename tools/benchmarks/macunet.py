"""How fast is this MACU-Net, against the plain three-convolution form of the same network in eager fp32?

Both sides have the same weights and are timed in turn within one process. Prints Markdown tables, and at the end a line of JSON.
On a machine that is not quiet, ``--max-others 0.05`` waits for rounds during which it was.

Usage: ``python tools/benchmarks/macunet.py [--batch 4] [--size 256] [--device cpu] [--quick]``
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import _timing
from plain_macunet import PlainMACUNet

from rs_da_mm.models.macunet import MACUNet

CLASSES = 6
LEARNING_RATE = 3e-4
WARM_STEPS = 40
WARM_SIZE = 128


class Segmentor(nn.Module):
    """This MACU-Net with the 1×1 classifier that a config gives it."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        self.backbone = MACUNet(bands)
        self.classifier = nn.Conv2d(16, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the class scores of ``(N, bands, H, W)``."""
        return self.classifier(self.backbone(x)[0])


Precision = Literal["fp32", "bf16 autocast", "bf16 weights"]
SIDES: dict[str, dict[str, tuple[bool, Precision]]] = {
    "training": {
        "plain fp32": (False, "fp32"),
        "this fp32": (True, "fp32"),
        "this bf16 autocast": (True, "bf16 autocast"),
    },
    "inference": {
        "plain fp32": (False, "fp32"),
        "this fp32": (True, "fp32"),
        "this bf16 autocast": (True, "bf16 autocast"),
        "this bf16 weights": (True, "bf16 weights"),
    },
}
"""What is compared: whether it is this MACU-Net, and in which precision it runs."""


def regions(batch: int, bands: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
    """Draw images of regions with one noisy colour per class, ``(N, bands, H, W)`` in 0–1, and their labels, ``(N, H, W)``."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(batch, CLASSES, max(2, size // 16), max(2, size // 16), generator=generator)
    labels = F.interpolate(coarse, (size, size), mode="bicubic").argmax(1)
    colours = torch.rand(CLASSES, bands, generator=torch.Generator().manual_seed(0))
    images = colours[labels].permute(0, 3, 1, 2) + 0.1 * torch.randn(batch, bands, size, size, generator=generator)
    return images.clamp(0, 1).contiguous(), labels


def in_channels_last(model: Segmentor) -> Segmentor:
    """Lay the weights out as the maps are, which saves converting them in every step."""
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def networks(bands: int, device: torch.device) -> tuple[PlainMACUNet, Segmentor]:
    """Return both forms with the same weights, trained for a few steps so that statistics and scores are not those of noise."""
    torch.manual_seed(0)
    fast = in_channels_last(Segmentor(bands).to(device))
    step = training_step(fast, device, "fp32")
    for index in range(WARM_STEPS):
        images, labels = regions(4, bands, WARM_SIZE, seed=1 + index)
        step(images.to(device), labels.to(device))
    plain = PlainMACUNet(bands, CLASSES).to(device)
    plain.load_state_dict(dict(zip(plain.state_dict(), fast.state_dict().values(), strict=True)))
    return plain, fast


def training_step(model: nn.Module, device: torch.device, precision: Precision) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a step of forward pass, cross entropy, backward pass and Adam, which returns the scores."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    model.train()

    def step(images: Tensor, labels: Tensor) -> Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16 autocast"):
            scores = model(images)
        F.cross_entropy(scores.float(), labels).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return scores.detach().float()

    return step


def inference(model: nn.Module, device: torch.device, precision: Precision) -> Callable[[Tensor], Tensor]:
    """Return a forward pass without gradients, of the network deployed if it can be."""
    model.eval()
    if isinstance(model, Segmentor):
        model.backbone.switch_to_deploy()
        in_channels_last(model)
    dtype = torch.bfloat16 if precision == "bf16 weights" else torch.float32
    model.to(dtype)

    def forward(images: Tensor) -> Tensor:
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16 autocast"):
            return model(images.to(dtype)).float()

    return forward


def calls(mode: str, plain: nn.Module, fast: nn.Module, images: Tensor, labels: Tensor) -> dict[str, Callable[[], Tensor]]:
    """Return what to time in a mode, by the name of the side; each side works on its own copy of the weights."""
    device = images.device
    made: dict[str, Callable[[], Tensor]] = {}
    for name, (ours, precision) in SIDES[mode].items():
        model = copy.deepcopy(fast if ours else plain)
        if mode == "training":
            made[name] = partial(training_step(model, device, precision), images, labels)
        else:
            made[name] = partial(inference(model, device, precision), images)
    return made


def forward_flops(bands: int, size: int, one_kernel: bool) -> int:
    """Count the floating point operations of the convolutions for one image, with 9 taps per block or with 15."""
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.ConvTranspose2d):
            total += 2 * inputs[0].numel() * module.weight[0].numel()
        elif isinstance(module, nn.Conv2d) and not (one_kernel and module.kernel_size in ((1, 3), (3, 1))):
            total += 2 * output.numel() * module.weight[0].numel()

    model = PlainMACUNet(bands, CLASSES).eval()
    for module in model.modules():
        module.register_forward_hook(count)
    with torch.no_grad():
        model(torch.zeros(1, bands, size, size))
    return total


def memory_of(mode: str, side: str, options: argparse.Namespace) -> int | None:
    """Return the bytes that one step of one side adds at most; called in a process of its own."""
    device = torch.device(options.device)
    torch.manual_seed(0)
    plain, fast = PlainMACUNet(options.bands, CLASSES).to(device), Segmentor(options.bands).to(device)
    images, labels = (tensor.to(device) for tensor in regions(options.batch, options.bands, options.size, seed=0))
    return _timing.peak_memory_of(calls(mode, plain, fast, images, labels)[side], device)


def measure(mode: str, options: argparse.Namespace, peaks: dict[str, float]) -> list[dict[str, Any]]:
    """Time all sides of a mode and compare their scores with the plain side's.

    Returns:
        One dict per side: milliseconds per image (median and fastest round), ratio to the plain side, share of the measured
        peak, the largest difference of a score, the share of equal labels, and the peak memory in MB.
    """
    device = torch.device(options.device)
    plain, fast = networks(options.bands, device)
    images, labels = (tensor.to(device) for tensor in regions(options.batch, options.bands, options.size, seed=0))
    made = calls(mode, plain, fast, images, labels)
    scores = {name: call() for name, call in made.items()}  # before a training step has told the weights apart
    seconds = _timing.time_interleaved(made, options.rounds, device, options.max_others)
    passes = 3 if mode == "training" else 1  # forward, gradient of the input, gradient of the weights
    flops = passes * forward_flops(options.bands, options.size, one_kernel=True)
    results = []
    for name, (_, precision) in SIDES[mode].items():
        per_image = [value / options.batch for value in seconds[name]]
        memory = ["--memory-of", mode, name, *_repeat(options)]
        results.append(
            {
                "mode": mode,
                "side": name,
                "ms_per_image": 1e3 * statistics.median(per_image),
                "ms_per_image_best": 1e3 * min(per_image),
                "speed_up": _timing.median_ratio(seconds["plain fp32"], seconds[name]),
                "speed_up_best": min(seconds["plain fp32"]) / min(seconds[name]),
                "share_of_peak": flops / statistics.median(per_image) / peaks[precision.split()[0]],
                "max_score_difference": (scores[name] - scores["plain fp32"]).abs().max().item(),
                "largest_score": scores["plain fp32"].abs().max().item(),
                "label_agreement": (scores[name].argmax(1) == scores["plain fp32"].argmax(1)).double().mean().item(),
                "rounds": len(per_image),
                "peak_memory_mb": json.loads(_timing.in_fresh_process(__file__, memory)),
            }
        )
    return results


def _repeat(options: argparse.Namespace) -> list[str]:
    names = ("batch", "size", "bands", "device")
    return [part for name in names for part in (f"--{name}", str(getattr(options, name)))]


def report(results: list[dict[str, Any]]) -> str:
    """Return the results of a mode as a Markdown table."""
    header = [
        "side",
        "ms per image",
        "fastest",
        "speed-up",
        "of fastest",
        "share of peak",
        "max abs(Δ score)",
        "equal labels",
        "memory MB",
    ]
    rows = [
        [
            result["side"],
            f"{result['ms_per_image']:.1f}",
            f"{result['ms_per_image_best']:.1f}",
            f"{result['speed_up']:.2f}×",
            f"{result['speed_up_best']:.2f}×",
            f"{100 * result['share_of_peak']:.0f} %",
            f"{result['max_score_difference']:.1e} of {result['largest_score']:.1f}",
            f"{100 * result['label_agreement']:.3f} %",
            "?" if result["peak_memory_mb"] is None else f"{result['peak_memory_mb']:.0f}",
        ]
        for result in results
    ]
    return _timing.markdown_table(header, rows)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--size", type=int, default=256, help="height and width of the images, a multiple of 16")
    parser.add_argument("--bands", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=10, help="how often every side is timed")
    parser.add_argument("--max-others", type=float, default=1.0, help="repeat what ran while others used more of the CPU time")
    parser.add_argument("--modes", nargs="+", default=["training", "inference"], choices=["training", "inference"])
    parser.add_argument("--quick", action="store_true", help="3 rounds of one 128×128 image")
    parser.add_argument("--memory-of", nargs=2, metavar=("MODE", "SIDE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.quick:
        options.batch, options.size, options.rounds = 1, 128, 3
    return options


def main() -> None:
    """Run the benchmark."""
    options = parse()
    # A GPU's fp32 would otherwise mean TF32 in convolutions: the comparison is with full precision.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    if options.memory_of:
        mode, side = options.memory_of
        grown = memory_of(mode, side, options)
        print(json.dumps(None if grown is None else grown / 1e6))
        return
    device = torch.device(options.device)
    bf16, fp32 = (
        _timing.when_quiet(partial(_timing.measured_peak, device, dtype), options.max_others)
        for dtype in (torch.bfloat16, torch.float32)
    )
    nine, fifteen = (forward_flops(options.bands, options.size, one_kernel) for one_kernel in (True, False))
    print(
        f"{_timing.machine(device)}; {options.batch} images of {options.size}×{options.size}, {options.rounds} rounds, TF32 off"
    )
    print(f"measured peak: {fp32 / 1e9:.0f} GFLOP/s in fp32, {bf16 / 1e9:.0f} in bf16")
    print(f"forward pass per image: {nine / 1e9:.2f} GFLOP at 9 taps per block, {fifteen / 1e9:.2f} at 15\n")
    results = []
    for mode in options.modes:
        results += measure(mode, options, {"fp32": fp32, "bf16": bf16})
        print(f"{mode}\n\n{report([result for result in results if result['mode'] == mode])}\n", flush=True)
    summary = {"machine": _timing.machine(device), "peak_fp32": fp32, "peak_bf16": bf16, "results": results}
    print(json.dumps({**summary, "batch": options.batch, "size": options.size}))


if __name__ == "__main__":
    main()
