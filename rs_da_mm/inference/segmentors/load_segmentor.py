"""From a config and a checkpoint, or a published file alone, to a segmentor that is ready to map scenes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.runner.checkpoint import load_state_dict
from torch import Tensor, nn

from rs_da_mm.datasets.transforms import StretchTo8Bit
from rs_da_mm.engine.checkpoints import fitted_weights, load_checkpoint_file, unwrapped, weights_of
from rs_da_mm.engine.checkpoints.plain_config import plain_config
from rs_da_mm.engine.checkpoints.published import PublishedModel, read_published
from rs_da_mm.engine.checkpoints.weights_file import read_metadata, weights_sha256
from rs_da_mm.engine.command_line import read_config_file
from rs_da_mm.engine.config_facts import band_order, bands_in_config, crop_size, stretch_step
from rs_da_mm.engine.network_format import compile_networks, lay_out_channels_last
from rs_da_mm.errors import InputError
from rs_da_mm.inference.segmentors.first_layers import keep_first_layers_in_float32
from rs_da_mm.inference.segmentors.model_classes import EXPECTED_MODEL, class_count, decision_threshold, model_classes
from rs_da_mm.inference.segmentors.safe_build import build_harmless, build_model, model_settings, require_harmless
from rs_da_mm.inference.segmentors.segmentor import Segmentor
from rs_da_mm.inference.segmentors.segmentor_options import SegmentorOptions, settled
from rs_da_mm.inference.segmentors.trained_on import (
    TrainedOn,
    file_order_normalisation,
    swaps_channels,
    trained_on_checkpoint,
    trained_on_published,
)

_PROBE = (256, 256)
"""Height and width of the image that shows which layers come first, where those of the training are not known."""


@dataclass(frozen=True)
class _Content:
    """A checkpoint file, read."""

    path: Path
    weights: Mapping[str, Tensor]
    meta: Mapping[str, Any]
    published: PublishedModel | None

    @property
    def dataset_meta(self) -> Any:
        """Names and colours of the classes, where it has them."""
        if self.published is not None:
            return {"classes": self.published.classes, "palette": self.published.palette}
        if "CLASSES" in self.meta:  # mmsegmentation before 1.0
            return {"classes": self.meta["CLASSES"], "palette": self.meta.get("PALETTE")}
        return self.meta.get("dataset_meta")


@dataclass(frozen=True)
class _Images:
    """What is known about the images of the training."""

    trained_on: TrainedOn
    crop: tuple[int, int] | None
    band_order: tuple[int, ...] | None
    stretch: StretchTo8Bit | None


def load_segmentor(
    config: str | Path | Config | None, checkpoint: str | Path, options: SegmentorOptions | None = None
) -> Segmentor:
    """Make a segmentor ready to map scenes.

    Nothing that the checkpoint brings along is run. Where it has weights averaged by mmengine's ``EMAHook``, these are taken, as
    ``tools/test.py`` does.

    Args:
        config: The config that it was trained with, or its file, which is run as Python and so must be the user's own. ``None``
            takes the one in a file of ``tools/publish.py``, of which only models that are registered are built.
        checkpoint: A ``.pth`` or ``.safetensors`` file.
        options: How it is to compute.

    Returns:
        The segmentor, fused, on its device, in evaluation mode. Pretrained weights that the config names are not fetched.

    Raises:
        InputError: When a file cannot be read, the weights are not the model's, the model is no segmentor, its classes are not
            those of the checkpoint, or the device or precision is not to be had.
    """
    options = settled(options or SegmentorOptions())
    content = _read_checkpoint(Path(checkpoint).expanduser())
    own = None if config is None else _read_config(config)
    settings, network = _build(own, content)
    if not hasattr(network, "encode_decode") or not hasattr(network, "data_preprocessor"):
        raise InputError(f"{content.path}: its model, a {type(network).__name__}, maps no pixels to classes. {EXPECTED_MODEL}")
    weights = fitted_weights(network, content.weights, content.path)
    load_state_dict(network, weights, strict=False)  # as load_model_strictly does; what is missing or too much has been told
    count = class_count(network, content.path)
    scope = None if own is None else own.get("default_scope", "mmseg")
    images = _images(content, own, network)
    segmentor = Segmentor(
        network=network,
        options=options,
        classes=model_classes(content.dataset_meta, count, content.path, own, scope),
        trained_on=images.trained_on,
        sha256=content.published.sha256 if content.published else weights_sha256(weights),
        config_sha256=_hash(settings),
        crop=images.crop,
        threshold=decision_threshold(network),
        band_order=images.band_order,
        stretch=images.stretch,
    )
    _make_ready(network, options)
    if options.precision != "float32":
        bands = images.trained_on.bands
        height, width = segmentor.crop or _PROBE
        count = bands.count if bands is not None and bands.count else _first_channels(network)
        image = torch.linspace(-1, 1, count * height * width, device=options.device).view(1, count, height, width)
        keep_first_layers_in_float32(network, image)
    if options.compile:
        compile_networks(network)
    return segmentor


def _read_checkpoint(path: Path) -> _Content:
    if path.suffix == ".safetensors" and path.is_file() and "published_format" in read_metadata(path):
        published = read_published(path)
        return _Content(path, published.weights, {}, published)
    content = load_checkpoint_file(path, map_location="cpu")
    meta = content.get("meta") if isinstance(content, Mapping) else None
    return _Content(path, weights_of(content, path), meta if isinstance(meta, Mapping) else {}, None)


def _read_config(config: str | Path | Config) -> Config:
    if not isinstance(config, Config):
        config = read_config_file(Path(config).expanduser())
    if config.get("model") is None:
        raise InputError(f"{config.filename or 'the config'}: the key 'model' is missing. Give the config of a segmentor.")
    return config


def _build(own: Config | None, content: _Content) -> tuple[dict[str, Any], nn.Module]:
    if own is not None:
        settings = model_settings(own)
        return settings, unwrapped(build_model(settings, own.get("default_scope")))
    if content.published is None:
        raise InputError(
            f"{content.path}: does not bring along what its model is. Give the config that it was trained with (in the work "
            "dir); tools/publish.py makes a file that needs none."
        )
    if not isinstance(content.published.config.get("model"), Mapping):
        raise InputError(f"{content.path}: its config has no model. Give the config that it was trained with.")
    settings = require_harmless(model_settings(content.published.config), content.path)
    return settings, unwrapped(build_harmless(settings, content.path))


def _images(content: _Content, own: Config | None, network: nn.Module) -> _Images:
    """Gather what is known about the images of the training."""
    facts: Any = own if own is not None or content.published is None else content.published.config
    preprocessor: Any = network.data_preprocessor
    try:
        mean = file_order_normalisation(preprocessor, None)[0]
        bands = bands_in_config(facts, mean)
        order = band_order(facts, swaps_channels(preprocessor), None if bands is None else bands.count)
        stretch = stretch_step(facts)
        # Behind a stretch, mean and std are not in the units of the files.
        normalisation = (None, None) if stretch else file_order_normalisation(preprocessor, order)
        if content.published is not None:
            trained_on = trained_on_published(content.published, normalisation)
        else:
            trained_on = trained_on_checkpoint(content.meta, facts, normalisation)
        return _Images(trained_on, crop_size(facts), order, stretch)
    except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{content.path}: what its config says about data cannot be read ({type(error).__name__}: {error}). Give the config "
            "that it was trained with."
        ) from error


def _make_ready(network: nn.Module, options: SegmentorOptions) -> None:
    """Fuse, move and compile; the weights are in."""
    network.eval()
    if options.deploy:
        _deploy(network)
    network.to(options.device)
    if options.channels_last:
        lay_out_channels_last(network)


def _first_channels(network: nn.Module) -> int:
    """Bands of the image, where nobody wrote them down."""
    return next((module.in_channels for module in network.modules() if isinstance(module, nn.Conv2d)), 3)


def _deploy(module: nn.Module) -> None:
    """Ask every module that can be fused; it sees to its own parts, some of which could not be asked again."""
    for child in list(module.children()):
        switch: Any = getattr(child, "switch_to_deploy", None)
        if callable(switch):
            switch()
        else:
            _deploy(child)


def _hash(settings: Mapping[str, Any]) -> str:
    plain = plain_config(Config({"model": settings}))
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
