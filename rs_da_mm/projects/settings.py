"""Numbers that a project begins with, each with the reason for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rs_da_mm.datasets.statistics import DatasetStatistics
from rs_da_mm.errors import InputError
from rs_da_mm.projects.images import FoundScene
from rs_da_mm.projects.request import ProjectRequest

RARE = 0.05
"""Share of the labelled pixels below which a class is rare."""
RATIOS = (0.6, 0.2, 0.2)

_WINDOWS = (256, 128, 64)
_ENOUGH = 24
"""Windows from which on three parts can be made of blocks."""
_PIXELS = 8 * 256 * 256
"""Pixels of a batch that most machines hold."""
_STEPS = 3000
_STEPS_PER_EPOCH = 50
_EPOCHS = (12, 60)
_OWN = ("macunet",)


@dataclass(frozen=True)
class TrainingSettings:
    """How a project is trained.

    Attributes:
        batch_size: Windows per step.
        steps: Steps per epoch.
        epochs: Epochs.
        exponent: How far the sampler balances classes, see :class:`~rs_da_mm.engine.class_balanced.ClassBalancedSampler`.
        rare: Classes below :data:`RARE`.
        rate: Learning rate.
    """

    batch_size: int
    steps: int
    epochs: int
    exponent: float
    rare: tuple[str, ...]
    rate: float

    @property
    def samples_per_epoch(self) -> int:
        """Windows drawn per epoch."""
        return self.steps * self.batch_size


def window_sizes(request: ProjectRequest, scenes: Sequence[FoundScene]) -> list[int]:
    """Sides of windows to try, the best first.

    256 pixels, which is what the networks here were made for; less where images are smaller than that, or so few that there would
    be hardly any windows to divide.
    """
    if request.window is not None:
        if request.window < 16:
            raise InputError(f"--window {request.window}: a window has 16 pixels or more.")
        return [request.window]
    sides = sorted(min(scene.facts.height, scene.facts.width) for scene in scenes)
    usual = sides[len(sides) // 2]
    fitting = [size for size in _WINDOWS if size <= usual] or [max(32, usual // 32 * 32)]
    enough = [size for size in fitting if _count(scenes, size) >= _ENOUGH]
    first = enough[0] if enough else fitting[-1]
    return [size for size in fitting if size <= first]


def split_attempts(request: ProjectRequest, scenes: Sequence[FoundScene], window: int) -> Iterator[dict[str, Any]]:
    """Splits to try, the most honest first.

    Blocks of ground where all images say where they lie; else whole images, where there are enough; else blocks of windows inside
    the images. At the very last at random, which flatters.

    Raises:
        InputError: When the request asks for a split that does not exist.
    """
    common: dict[str, Any] = {"ratios": RATIOS, "seed": request.seed}
    gap = {} if request.gap is None else {"gap": request.gap}
    kind, _, by = (request.split or "").partition(":")
    if kind not in ("", "ground", "scene", "group", "random"):
        raise InputError(f"--split {request.split}: it can be ground, scene, group:NAME or random.")
    if kind == "group":
        yield {"type": "group", "by": by or _only_group(scenes), **common, **gap, "stratified": True}
        return
    if kind == "random":
        yield {"type": "random", **common}
        return
    placed = all(scene.facts.is_placed for scene in scenes)
    if kind == "ground" or (kind == "" and placed):
        yield {"type": "ground", **common, **gap, "stratified": True}
        side = _metres(scenes) or 0.0
        for blocks in (2, 1) if side else ():
            yield {"type": "ground", **common, **gap, "block": round(blocks * window * side, 2), "stratified": True}
    if kind == "scene" or (kind == "" and len(scenes) >= 5):
        yield {"type": "blocked", **common, "block": "scene", "stratified": True}
    if kind == "" and not placed:
        for blocks in (4, 2, 1):
            yield {"type": "blocked", **common, "block": blocks, "stratified": True}
    if kind == "":
        yield {"type": "random", **common}


def training_settings(request: ProjectRequest, statistics: DatasetStatistics, window: int) -> TrainingSettings:
    """Choose batch, schedule and sampler.

    Args:
        request: What is asked for.
        statistics: Of the training part.
        window: Side of a window in pixels.

    Raises:
        InputError: When the request contradicts itself.
    """
    for option, value in (
        ("--batch-size", request.batch_size),
        ("--epochs", request.epochs),
        ("--iterations", request.iterations),
    ):
        if value is not None and value < 1:
            raise InputError(f"{option} {value}: give 1 or more.")
    if request.epochs is not None and request.iterations is not None:
        raise InputError("Give --epochs or --iterations, not both.")
    batch = request.batch_size or max(2, min(32, _PIXELS // window**2, statistics.windows))
    steps = max(math.ceil(statistics.windows / batch), _STEPS_PER_EPOCH)
    if request.iterations is not None:
        steps = min(steps, request.iterations)
        epochs = math.ceil(request.iterations / steps)
    else:
        epochs = request.epochs or min(max(round(_STEPS / steps), _EPOCHS[0]), _EPOCHS[1])
    rare = tuple(one.name for one in statistics.classes if one.share < RARE)
    return TrainingSettings(batch, steps, epochs, 0.5 if rare else 0.0, rare, 1e-3 if request.model in _OWN else 3e-4)


def _count(scenes: Sequence[FoundScene], size: int) -> int:
    return sum(math.ceil(scene.facts.height / size) * math.ceil(scene.facts.width / size) for scene in scenes)


def _metres(scenes: Sequence[FoundScene]) -> float | None:
    sizes = [scene.facts.pixel for scene in scenes]
    known = [max(size.width, size.height) for size in sizes if size is not None and size.unit == "metre"]
    return max(known) if known else None


def _only_group(scenes: Sequence[FoundScene]) -> str:
    names = sorted({name for scene in scenes for name in scene.groups})
    if len(names) != 1:
        there = f"there are {', '.join(names)}: --split group:{names[0]}" if names else "there is none"
        raise InputError(
            f"--split group: say which group, {there}. Groups are the fields of the images' pattern "
            f"(images/{{city}}/{{scene}}.tif), "
            "or the folders that images lie in."
        )
    return names[0]
