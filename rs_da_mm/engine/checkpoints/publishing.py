"""Publishing weights: a checkpoint's weights alone, checked, hashed, and described well enough to be used without the config."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import DATASETS, MODELS, DefaultScope
from torch import Tensor, nn

from rs_da_mm.engine.checkpoints.loading import fitted_weights, weights_of
from rs_da_mm.engine.checkpoints.plain_config import shareable, shareable_config
from rs_da_mm.engine.checkpoints.published import FORMAT_VERSION, PublishedModel, read_published
from rs_da_mm.engine.checkpoints.reading import load_checkpoint_file
from rs_da_mm.engine.checkpoints.weights_file import DATASET_META, WEIGHTS_HASH, weights_sha256
from rs_da_mm.engine.config_facts import bands_in_config
from rs_da_mm.engine.dataset_record import describe_datasets
from rs_da_mm.errors import InputError
from rs_da_mm.files import atomic_write_bytes
from rs_da_mm.version import __version__

_SUFFIX = ".safetensors"
_EMA = "ema_state_dict"
_WRAPPER = "module."


@dataclass(frozen=True)
class Publication:
    """What was published.

    Attributes:
        model: The new file, read back.
        checkpoint_bytes: Size of the checkpoint.
        file_bytes: Size of the new file.
        left_out: What the checkpoint held beside the weights.
        changed_keys: Keys of the config whose values would have told something about the machine.
    """

    model: PublishedModel
    checkpoint_bytes: int
    file_bytes: int
    left_out: tuple[str, ...]
    changed_keys: tuple[str, ...]


def publish_model(
    config: Config,
    checkpoint: str | Path,
    out: str | Path,
    *,
    name: str,
    averaged: bool | None = None,
    pixel_size: float | None = None,
    license: str | None = None,
) -> Publication:
    """Write the weights of a checkpoint, and what is known about them, to a ``.safetensors`` file.

    Args:
        config: The config that the model was trained with.
        checkpoint: The checkpoint.
        out: The new file, or a folder for a file ``<name>-<first 8 digits of the hash>.safetensors``.
        name: The config's name.
        averaged: ``True`` insists on the averaged weights of mmengine's ``EMAHook``, ``False`` takes those beneath them. Without
            it the weights are those that are tested: the averaged ones where the checkpoint has them.
        pixel_size: Side of a pixel of the training scenes in metres, where they do not say it themselves.
        license: Under what terms the weights are given.

    Returns:
        What was written.

    Raises:
        InputError: When the checkpoint is refused, damaged or not the config's model's, or the file cannot be written.
    """
    content = load_checkpoint_file(checkpoint, map_location="cpu")
    weights, is_averaged = choose_weights(content, checkpoint, averaged)
    model = _build_model(config)
    # Copies: tensors that share memory, as tied weights do, are written once for each name, and lie in memory row by row.
    weights = {key: tensor.clone().contiguous() for key, tensor in fitted_weights(model, weights, checkpoint).items()}
    digest = weights_sha256(weights)
    described, changed_keys = _describe(config, model, _mapping(content, "meta"), pixel_size, is_averaged)
    _require_class_count(model, described[DATASET_META].get("classes"), checkpoint)
    metadata = {
        "format": "pt",  # what other readers of .safetensors look for
        "published_format": str(FORMAT_VERSION),
        "created_by": f"rs_da_mm {__version__}",
        WEIGHTS_HASH: digest,
        "config_name": name,
        **{key: json.dumps(value, default=str) for key, value in described.items()},
        **({} if license is None else {"license": license}),
    }
    target = _target(out, name, digest)
    _write(target, weights, metadata)
    return Publication(
        model=read_published(target),
        checkpoint_bytes=Path(checkpoint).expanduser().stat().st_size,
        file_bytes=target.stat().st_size,
        left_out=tuple(key for key in content if key != "state_dict") if "state_dict" in content else (),
        changed_keys=tuple(changed_keys),
    )


def choose_weights(content: Any, filename: str | Path, averaged: bool | None) -> tuple[dict[str, Tensor], bool]:
    """Take the averaged weights or those beneath them.

    mmengine's ``EMAHook`` saves the averaged weights as ``state_dict``, where every tool looks, and those that are trained on
    under ``ema_state_dict``.

    Args:
        content: The checkpoint.
        filename: Its file, for the error.
        averaged: See :func:`publish_model`.

    Returns:
        The weights, and whether they are averaged.

    Raises:
        InputError: When averaged ones are wanted and there are none.
    """
    weights = weights_of(content, filename)
    beneath = content.get(_EMA)
    if beneath is None:
        if averaged:
            raise InputError(
                f"{filename}: has no averaged weights ('{_EMA}'), which --ema asks for. Train with custom_hooks="
                "[dict(type='EMAHook')], or leave the option out."
            )
        return weights, False
    if averaged is False:
        return {**weights, **{key[len(_WRAPPER) :]: value for key, value in beneath.items() if key.startswith(_WRAPPER)}}, False
    return weights, True


def _build_model(config: Config) -> nn.Module:
    settings = copy.deepcopy(config.model)
    if config.get("data_preprocessor") is not None:
        settings.setdefault("data_preprocessor", config.data_preprocessor)
    with DefaultScope.overwrite_default_scope(config.get("default_scope")):
        model: nn.Module = MODELS.build(settings)
    return model


def _describe(
    config: Config, model: nn.Module, meta: Mapping[str, Any], pixel_size: float | None, averaged: bool
) -> tuple[dict[str, Any], list[str]]:
    """What is known about a model: first from the checkpoint, then from the data set, where it is there, then from the config.

    Returns:
        The metadata that is JSON, by name; and the keys that would have told something about the machine.
    """
    record, dataset_meta = _mapping(meta, "run_record"), _mapping(meta, "dataset_meta")
    recorded: list[dict[str, Any]] = _mapping(record, "datasets").get("train", [])
    known = recorded or _describe_present_data(config)
    classes = dataset_meta.get("classes") or next((data["classes"] for data in known if data.get("classes")), ())
    palette = dataset_meta.get("palette") or ()
    normalisation = _normalisation(config, model)
    bands = next((data["bands"] for data in known if data.get("bands")), None)
    size = next((data["pixel_size"] for data in known if data.get("pixel_size")), None)
    if pixel_size is not None:
        size = {"width": pixel_size, "height": pixel_size, "unit": "metre", "range": [pixel_size, pixel_size]}
    epoch, iteration = (meta[key] if isinstance(meta.get(key), int) else None for key in ("epoch", "iter"))
    training = {"epoch": epoch, "iteration": iteration, "averaged": averaged}
    shared_config, changed_keys = shareable_config(config)
    described, changed_in_record = shareable(
        {
            DATASET_META: {
                **({"classes": [str(label) for label in classes]} if classes else {}),
                **({"palette": [[int(part) for part in colour] for colour in palette]} if palette else {}),
            },
            "normalisation": normalisation,
            "bands": bands or _bands_of_config(config, normalisation),
            "pixel_size": size,
            "training": {**training, "data": recorded, "git": _mapping(record, "git")},
        }
    )
    return {"config": shared_config, **described}, [*changed_keys, *changed_in_record]


def _mapping(content: Any, key: str) -> Mapping[str, Any]:
    """A dict inside another, empty where there is none: a checkpoint may be anybody's."""
    inner = content.get(key) if isinstance(content, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _describe_present_data(config: Config) -> list[dict[str, Any]]:
    """Describe the training data set, if it can be built where the weights are published."""
    settings = (config.get("train_dataloader") or {}).get("dataset")
    if settings is None:
        return []
    try:
        with DefaultScope.overwrite_default_scope(config.get("default_scope")):
            return describe_datasets(DATASETS.build(copy.deepcopy(settings)))
    except Exception as error:  # any data set of anybody; the weights can be published without it
        print_log(f"The training data set is not at hand ({error}); what it would say is left open.", "current", logging.WARNING)
        return []


def _bands_of_config(config: Config, normalisation: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the config alone says of the bands, where no data set is at hand."""
    bands = bands_in_config(config, normalisation["mean"])
    if bands is None:
        return None
    return {**asdict(bands), "choice": None if bands.choice is None else list(bands.choice), "names": list(bands.names)}


def _require_class_count(model: nn.Module, classes: list[str] | None, checkpoint: str | Path) -> None:
    """Refuse names of classes that are not the model's: maps would be read wrongly."""
    count = getattr(getattr(model, "decode_head", None), "num_classes", None)
    if classes and isinstance(count, int) and count != len(classes):
        raise InputError(
            f"{checkpoint}: was trained on {len(classes)} classes ({', '.join(classes)}), and the config's model has {count}. "
            "Take the config that it was trained with (in the work dir)."
        )


def _normalisation(config: Config, model: nn.Module) -> dict[str, Any]:
    """The data preprocessor's settings: the numbers as the config has them, else as the model has."""
    settings = config.model.get("data_preprocessor") or config.get("data_preprocessor") or {}
    built = getattr(model, "data_preprocessor", None)
    found: dict[str, Any] = {"type": type(built).__name__}
    for key in ("mean", "std"):
        value, buffer = settings.get(key), getattr(built, key, None)
        if value is None and isinstance(buffer, Tensor):
            value = buffer.flatten().tolist()
        found[key] = None if value is None else [float(number) for number in (value if hasattr(value, "__iter__") else [value])]
    return {**found, **{key: bool(settings[key]) for key in ("bgr_to_rgb", "rgb_to_bgr") if key in settings}}


def _target(out: str | Path, name: str, digest: str) -> Path:
    path = Path(out).expanduser()
    if path.is_dir() or str(out).endswith(("/", "\\")):
        return path / f"{name}-{digest[:8]}{_SUFFIX}"
    if path.suffix != _SUFFIX:
        raise InputError(f"{out}: expected a name that ends in {_SUFFIX}, or a folder (with / at its end, if it is a new one).")
    return path


def _write(target: Path, weights: dict[str, Tensor], metadata: dict[str, str]) -> None:
    from safetensors.torch import save

    try:
        atomic_write_bytes(target, save(weights, metadata))
    except OSError as error:
        raise InputError(f"{target}: cannot be written ({error}). What was there before is as it was.") from error
