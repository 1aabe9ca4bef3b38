"""The classes of a model's map: as the checkpoint names them, else as the config's data set does, else by number."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmengine.registry import DATASETS, DefaultScope
from torch import nn

from rs_da_mm.engine.config_facts import dataset_settings
from rs_da_mm.errors import InputError
from rs_da_mm.inference.outputs.classes import MapClasses, map_classes

_PARTS = ("train", "test", "val")
EXPECTED_MODEL = "Expected a segmentor of mmsegmentation, such as EncoderDecoder."


def class_count(model: nn.Module, path: str | Path) -> int:
    """How many classes a segmentor tells apart; two where it has one output channel.

    Args:
        model: The segmentor.
        path: The checkpoint, for the error.

    Raises:
        InputError: When its decode head does not say so.
    """
    channels = getattr(_last_head(model), "out_channels", None)
    if not isinstance(channels, int):
        raise InputError(f"{path}: its model, a {type(model).__name__}, does not say how many classes it has. {EXPECTED_MODEL}")
    return max(channels, 2)


def decision_threshold(model: nn.Module) -> float | None:
    """Above which probability of the second class a segmentor with one output channel decides for it; ``None`` for others."""
    head = _last_head(model)
    return float(head.threshold) if getattr(head, "out_channels", None) == 1 else None


def _last_head(model: nn.Module) -> Any:
    head: Any = getattr(model, "decode_head", None)
    return head[-1] if isinstance(head, nn.ModuleList) else head


def model_classes(
    dataset_meta: Any, count: int, path: str | Path, config: Mapping[str, Any] | None, scope: str | None = None
) -> MapClasses:
    """Find names and colours of the classes.

    Args:
        dataset_meta: ``classes`` and ``palette`` as the checkpoint has them, empty or anything else where it has none.
        count: How many classes the model tells apart.
        path: The checkpoint, for the error.
        config: A config of the user's own, whose data sets' classes may be looked up; ``None`` where there is none.
        scope: Its ``default_scope``.

    Returns:
        The classes; ``class_0``, ``class_1``, … where nobody names them, with a warning.

    Raises:
        InputError: When the checkpoint names another number of classes: the map would be read wrongly.
    """
    found = dataset_meta if isinstance(dataset_meta, Mapping) else {}
    names = found.get("classes")
    if isinstance(names, list | tuple) and names:
        if len(names) != count:
            raise InputError(
                f"{path}: was trained on {len(names)} classes ({', '.join(map(str, names))}), and the model has {count}: "
                "take the config that it was trained with (in the work dir)."
            )
        return map_classes(names, found.get("palette") or None)
    for metainfo in () if config is None else _described(config, scope):
        if metainfo.get("classes") and len(metainfo["classes"]) == count:
            return map_classes(metainfo["classes"], metainfo.get("palette") or None)
    print_log(
        f"{path}: neither the checkpoint nor a data set of the config names the classes; they are called class_0 to "
        f"class_{count - 1}.",
        "current",
        logging.WARNING,
    )
    return map_classes([f"class_{number}" for number in range(count)])


def _described(config: Mapping[str, Any], scope: str | None) -> list[Mapping[str, Any]]:
    """What the config's data sets, and then their types, say about classes."""
    found: list[Mapping[str, Any]] = []
    for settings in filter(None, (dataset_settings(config, part) for part in _PARTS)):
        found.append(settings.get("metainfo") or {})
        kind: Any = settings.get("type")
        if isinstance(kind, str):
            with DefaultScope.overwrite_default_scope(scope), DATASETS.switch_scope_and_registry(None) as registry:
                kind = registry.get(kind)
        metainfo = getattr(kind, "METAINFO", None)
        found.append(metainfo if isinstance(metainfo, Mapping) else {})
    return found
