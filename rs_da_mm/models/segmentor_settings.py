"""Any segmentor, made to fit somebody's own bands and classes."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rs_da_mm.errors import InputError
from rs_da_mm.models.segmentor_configs import read_segmentor

IGNORED = 255
_SEGMENTORS = ("EncoderDecoder", "CascadeEncoderDecoder")
_SYNCHRONISED = ("SyncBN", "MMSyncBN")
_OWN_BACKBONES = ("MACUNet", "ResNetUNet")
_DEAF = ("MSCAN",)
"""Backbones of mmseg that take `in_channels` and build a stem for three bands all the same."""
_MULTIPLE = 32
"""What mmseg's networks want the sides of an image to be a multiple of (its U-Net refuses others)."""
_LOSSES = {
    "CrossEntropyLoss": "WeightedCrossEntropy",
    "DiceLoss": "SoftDiceLoss",
    "FocalLoss": "SoftmaxFocalLoss",
    "LovaszLoss": "LovaszSoftmaxLoss",
}
"""What stands in for the losses of mmseg that do not leave ignored pixels out, or fail (docs/losses.md)."""
_KEPT_OF_LOSSES = ("loss_weight", "loss_name", "gamma")
_FIXED_LABELS = ("STDCHead",)
"""Heads that learn labels of their own making: they keep their number of classes and their losses."""


def segmentor_settings(
    name_or_file: str | Path,
    bands: int,
    classes: int,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    crop: int | Sequence[int],
    class_weight: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Write a config's ``model``, complete, for images with these bands and labels with these classes.

    Everything that the config says of its own data set goes: the bands of the stem, the classes of every head (auxiliary ones
    too), class weights, pretrained weights, and the size that a transformer's position embedding is made for. SyncBN becomes
    BN, which runs anywhere (mmengine's ``sync_bn='torch'`` brings it back). Cross entropy, Dice, focal and Lovász losses
    become this project's, which know ignored pixels, each with its own weight in the sum; heads that classify by one logit or by
    sigmoids get one logit per class. The whole image is predicted at once (``test_cfg`` mode ``'whole'``).

    Some networks need more than images and labels: mmsegmentation's PIDNet wants its transform ``GenerateEdge`` in the pipeline.
    DeepLabV3+ and others with pooling over the whole image cannot be trained with one image per batch.

    Args:
        name_or_file: See :func:`~rs_da_mm.models.segmentor_configs.read_segmentor`.
        bands: Bands of an image.
        classes: Number of classes; the label 255 is ignored.
        mean: Mean of each band, in the images' own units, or one value for all.
        std: Standard deviation of each band, likewise.
        crop: Side of the windows that are trained on, in pixels, or ``(height, width)``.
        class_weight: One weight per class for the cross entropies, or ``None``.

    Returns:
        Plain dicts, lists, tuples, strings and numbers. The types are mmseg's and this project's bare names: the config needs
        ``default_scope='mmseg'``.

    Raises:
        InputError: When there is no such segmentor, its stem cannot see other than three bands, it needs a package that is not
            installed, it learns from something else than labels, or the arguments contradict each other.
    """
    name = str(name_or_file)
    _check_numbers(bands, classes, mean, std, class_weight)
    model = read_segmentor(name_or_file)
    if _bare(model) not in _SEGMENTORS:
        raise InputError(
            f"{name}: is a {model.get('type')}, which learns from something else than labels. "
            f"Expected {' or '.join(_SEGMENTORS)}."
        )
    _check_packages(name, model)
    own = _bare(model["backbone"]) in _OWN_BACKBONES
    size = tuple(crop) if isinstance(crop, Sequence) else (crop, crop)
    if not own:
        size = tuple(-side % _MULTIPLE + side for side in size)
    _forget_pretrained(model)
    _unsynchronise(model)
    _set_bands(name, model["backbone"], bands, size)
    for head in _heads(model):
        _set_classes(name, head, classes, class_weight)
    model["data_preprocessor"] = _preprocessor(bands, mean, std, size, None if own else _MULTIPLE)
    model["test_cfg"] = _whole(model.get("test_cfg"))
    return model


def _check_numbers(
    bands: int, classes: int, mean: Sequence[float], std: Sequence[float], class_weight: Sequence[float] | None
) -> None:
    if bands < 1 or classes < 2:
        raise InputError(f"a segmentor needs at least 1 band and 2 classes, but got {bands} and {classes}")
    for what, values in (("mean", mean), ("std", std)):
        if len(values) not in (1, bands):
            raise InputError(f"`{what}` has {len(values)} values for {bands} bands: give one per band, or one for all")
    if class_weight is not None and len(class_weight) != classes:
        raise InputError(f"`class_weight` has {len(class_weight)} values for {classes} classes: give one per class")


def _check_packages(name: str, model: Mapping[str, Any]) -> None:
    """Refuse what other packages register, where they are missing."""
    for part in _parts(model):
        scope = str(part["type"]).rpartition(".")[0]
        if scope and importlib.util.find_spec(scope.partition(".")[0]) is None:
            raise InputError(f"{name}: uses {part['type']}, and the package {scope!r} is not installed. Install it.")


def _parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every dict with a ``type`` inside settings, the outermost first."""
    if isinstance(node, dict):
        if isinstance(node.get("type"), str):
            yield node
        node = list(node.values())
    if isinstance(node, list | tuple):
        for inner in node:
            yield from _parts(inner)


def _bare(part: Mapping[str, Any]) -> str:
    """A type's name without its scope."""
    return str(part.get("type")).rpartition(".")[2]


def _forget_pretrained(model: dict[str, Any]) -> None:
    model.pop("pretrained", None)
    for part in list(_parts(model)):
        part.pop("pretrained", None)
        start = part.get("init_cfg")
        if isinstance(start, Mapping) and "checkpoint" in start:
            del part["init_cfg"]


def _unsynchronise(model: dict[str, Any]) -> None:
    for part in _parts(model):
        if part["type"] in _SYNCHRONISED:
            part["type"] = "BN"


def _set_bands(name: str, backbone: dict[str, Any], bands: int, size: tuple[int, ...]) -> None:
    """Tell every part of the backbone that sees the image how many bands it has."""
    told = False
    for part in _parts(backbone):
        takes = _takes_image(part, outermost=part is backbone)
        told |= takes
        if takes:
            part["in_channels"] = bands
        if "img_size" in part:
            part["img_size"] = size
    if not told and bands != 3:
        raise InputError(
            f"{name}: its backbone {_bare(backbone)} sees three bands and no others: choose three bands with "
            "LoadRaster(bands=[...]), or another segmentor."
        )


def _takes_image(part: Mapping[str, Any], outermost: bool) -> bool:
    """Whether a part is built for the bands of the image: the outermost is, others where it is three, said or by default."""
    if _bare(part) in _DEAF:
        return False
    if "in_channels" in part:
        return outermost or bool(part["in_channels"] == 3)
    from mmseg.registry import MODELS

    registered = MODELS.get(part["type"])
    if registered is None:
        return False
    for kind in inspect.getmro(registered):
        argument = inspect.signature(vars(kind).get("__init__", object.__init__)).parameters.get("in_channels")
        if argument is not None:
            return bool(argument.default == 3)
    return False


def _heads(model: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for key in ("decode_head", "auxiliary_head"):
        heads = model.get(key)
        yield from heads if isinstance(heads, list | tuple) else [heads] if heads else []


def _set_classes(name: str, head: dict[str, Any], classes: int, class_weight: Sequence[float] | None) -> None:
    """Tell a head and the heads inside it how many classes there are, and give them a loss that knows ignored pixels."""
    if _bare(head) in _FIXED_LABELS:
        return
    for part in list(_parts(head)):
        if "num_classes" in part:
            part["num_classes"] = classes
            part.pop("threshold", None)
            if part.get("out_channels") == 1:
                del part["out_channels"]
        if "ignore_index" in part:
            part["ignore_index"] = IGNORED
        if "loss_decode" in part:
            losses = part["loss_decode"]
            single = isinstance(losses, Mapping)
            fitted = [_fitted_loss(loss, class_weight) for loss in ([losses] if single else losses)]
            part["loss_decode"] = fitted[0] if single else fitted
    if any(isinstance(part.get("class_weight"), list | tuple) for part in _other_losses(head)):
        raise InputError(
            f"{name}: its head {_bare(head)} has class weights of its own making (as those that match masks do), which cannot be "
            "made to fit. Choose another segmentor."
        )


def _fitted_loss(loss: Mapping[str, Any], class_weight: Sequence[float] | None) -> dict[str, Any]:
    weighted = {} if class_weight is None else {"class_weight": [float(weight) for weight in class_weight]}
    kind = _bare(loss)
    if kind in _LOSSES:
        return {"type": _LOSSES[kind], **{key: loss[key] for key in _KEPT_OF_LOSSES if key in loss}, **weighted}
    knows_weights = kind in _LOSSES.values() or "class_weight" in loss
    return {**{key: value for key, value in loss.items() if key != "class_weight"}, **(weighted if knows_weights else {})}


def _other_losses(head: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The losses that are not among a head's ``loss_decode``."""
    decode = [id(loss) for part in _parts(head) for loss in _parts(part.get("loss_decode"))]
    return (part for part in _parts(head) if id(part) not in decode)


def _preprocessor(
    bands: int, mean: Sequence[float], std: Sequence[float], size: tuple[int, ...], multiple: int | None
) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "type": "RSDataPreprocessor",
        "mean": [float(value) for value in mean],
        "std": [float(value) for value in std],
        "bands": bands,
        "size": size,
    }
    return settings if multiple is None else {**settings, "size_divisor": multiple}


def _whole(test_cfg: Mapping[str, Any] | None) -> dict[str, Any]:
    """The settings of prediction, without windows: those are ``segment_scene``'s affair."""
    kept = {key: value for key, value in (test_cfg or {}).items() if key not in ("crop_size", "stride")}
    return {**kept, "mode": "whole"}
