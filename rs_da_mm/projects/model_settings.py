"""The network of a project, as its config has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rs_da_mm.datasets.statistics import DatasetStatistics
from rs_da_mm.errors import InputError
from rs_da_mm.models.segmentor_settings import segmentor_settings
from rs_da_mm.projects.images import absolute
from rs_da_mm.projects.request import ProjectRequest
from rs_da_mm.projects.settings import TrainingSettings

_DICE_WEIGHT = 0.5
_COLOURS = ("red", "green", "blue")


def model_settings(
    request: ProjectRequest, statistics: DatasetStatistics, training: TrainingSettings, window: int
) -> dict[str, Any]:
    """Give a config's ``model``.

    Args:
        request: What is asked for.
        statistics: Of the training part: mean and spread of each band.
        training: Which classes are rare; where some are, a Dice loss stands beside the cross entropy.
        window: Side of a window in pixels.

    Raises:
        InputError: When there is no such network, or it cannot take the bands.
    """
    bands = statistics.bands
    model = segmentor_settings(
        request.model,
        len(bands),
        len(statistics.classes),
        mean=[_rounded(band.mean) for band in bands],
        std=[_rounded(band.std) or 1.0 for band in bands],
        crop=window,
    )
    head = model["decode_head"]
    if training.rare and isinstance(head, dict) and isinstance(head.get("loss_decode"), dict):
        head["loss_decode"] = [head["loss_decode"], {"type": "SoftDiceLoss", "loss_weight": _DICE_WEIGHT}]
    if request.weights is not None:
        _begin_with(model, request.weights, [band.name for band in bands])
    return model


def _begin_with(model: dict[str, Any], weights: str, names: Sequence[str]) -> None:
    path = weights
    if "://" not in weights:
        if not Path(weights).is_file():
            raise InputError(f"--weights {weights}: there is no such file.")
        path = absolute(Path(weights)).as_posix()
    start: dict[str, Any] = {"type": "InflatedPretrained", "checkpoint": path}
    places = {name.casefold(): number for number, name in enumerate(names, 1)}
    colours = {colour: places[colour] for colour in _COLOURS if colour in places}
    if colours and len(names) != len(_COLOURS):
        start["band_map"] = colours
    swin = str(model["backbone"].get("type", "")).endswith("SwinTransformer")  # it loads weights in a way of its own
    (model if swin else model["backbone"])["init_cfg"] = start


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
