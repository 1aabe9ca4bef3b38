"""Starting from weights that were trained on three bands, with any number of bands."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from mmengine.logging import print_log
from mmengine.model import update_init_info
from mmengine.runner import CheckpointLoader
from torch import Tensor, nn

from rs_da_mm.engine.checkpoints.addresses import cached_file
from rs_da_mm.engine.checkpoints.loading import weights_of
from rs_da_mm.errors import InputError
from rs_da_mm.models.weight_names import is_inflatable, match_names
from rs_da_mm.registry import WEIGHT_INITIALIZERS

StemRule = Literal["mean", "repeat"]
COLOURS = ("red", "green", "blue")
_UNREACHED = ": cannot be fetched"
_SHOWN = 3


@WEIGHT_INITIALIZERS.register_module()
class InflatedPretrained:
    """Load weights for red, green and blue into a network that sees other bands.

    In a config: ``init_cfg=dict(type='InflatedPretrained', checkpoint=FILE)``, of a backbone or of the whole segmentor (of the
    segmentor for backbones that load weights in a way of their own, like mmseg's Swin Transformer). Parts that the file does not
    have are initialised as they would be without it.

    The first convolution, the stem, is brought from 3 to N bands by a rule, times 3 / N, so that its output keeps its size:

    - ``'mean'``: every band gets the mean of the three kernels. For bands that all hold the same values the output is exactly
      that of the three-band network.
    - ``'repeat'``: bands get the kernels of red, green, blue, red, … in turn.
    - with ``band_map`` the bands that it names get the kernel of their colour, all others the mean.

    A stem for three bands is loaded as it is; only ``band_map`` puts it into another order. How the file's and the network's
    names belong together is found by itself: ``layer1.0.conv1.weight``, ``backbone.layer1.0.conv1.weight`` and
    ``module.backbone.…`` all find ``encoder.layer1.0.conv1.weight``.

    Args:
        checkpoint: A ``.pth`` or ``.safetensors`` file, which is read without executing anything in it, or an address.
        stem: The rule.
        band_map: Which of the network's bands, counted from 1, is red, green, blue, like ``dict(red=3, green=2, blue=1)``; one
            or two colours will do.
        prefix: Take only what the file has under this name, like ``'backbone.'``, and leave it out of the names.
        map_location: As in :func:`torch.load`.

    Raises:
        InputError: When an argument is none of these; and, when it is called, when the file cannot be read or fetched, nothing
            of it fits, or ``band_map`` names a band that there is not.
    """

    def __init__(
        self,
        checkpoint: str,
        stem: StemRule = "mean",
        band_map: Mapping[str, int] | None = None,
        prefix: str | None = None,
        map_location: str = "cpu",
    ) -> None:
        if stem not in ("mean", "repeat"):
            raise InputError(f"InflatedPretrained: stem is {stem!r}, but must be 'mean' or 'repeat'")
        if band_map is not None and (stem == "repeat" or not band_map or not set(band_map) <= set(COLOURS)):
            raise InputError(
                f"InflatedPretrained: band_map is {dict(band_map)}, but must name bands by colour, like dict(red=3, green=2, "
                "blue=1), and goes with stem='mean', which the other bands get"
            )
        self.checkpoint = str(checkpoint)
        self.stem: StemRule = stem
        self.band_map = None if band_map is None else dict(band_map)
        self.prefix = prefix
        self.map_location = map_location

    def __call__(self, module: nn.Module) -> None:
        """Load what fits into a module, and say in the log what did."""
        _initialise_parts(module)
        weights = self._read()
        own = module.state_dict()
        names = match_names(own, weights, self.prefix)
        if not names:
            raise InputError(self._misfit(module, weights))
        module.load_state_dict({target: self._fitted(weights[name], own[target]) for target, name in names.items()}, strict=False)
        message, level = self._report(module, weights, names)
        print_log(message, "current", level)
        if hasattr(module, "_params_init_info"):
            update_init_info(module, init_info=f"InflatedPretrained: load from {self.checkpoint}")

    def _read(self) -> dict[str, Tensor]:
        """The file's weights by name."""
        try:
            checkpoint = CheckpointLoader.load_checkpoint(self.checkpoint, self.map_location, logger=None)
        except InputError as error:
            address, unreached, _ = str(error).partition(_UNREACHED)
            if not unreached:
                raise
            raise InputError(f"{error} Saved here as {cached_file(address)}, it is found without being fetched.") from error
        except ImportError as error:
            raise InputError(
                f"{self.checkpoint}: where it is to be fetched from stands in the package {error.name!r}, which is not "
                "installed. Install it, or download the weights and give the file's path."
            ) from error
        if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get("model"), Mapping):  # the Swin authors', and others'
            checkpoint = checkpoint["model"]
        return weights_of(checkpoint, self.checkpoint)

    def _fitted(self, weight: Tensor, own: Tensor) -> Tensor:
        """A weight of the file, in the shape that the network has for it."""
        if not is_inflatable(weight, own) or (weight.shape == own.shape and self.band_map is None):
            return weight
        return inflate_stem(weight, own.shape[1], self.stem, self.band_map)

    def _report(self, module: nn.Module, weights: Mapping[str, Tensor], names: Mapping[str, str]) -> tuple[str, int]:
        """One line on what was loaded, and how loudly to say it."""
        own = module.state_dict()
        unused = sorted(set(weights) - set(names.values()))
        kept = [target for target in own if target not in names]
        stem = next((target for target, name in names.items() if is_inflatable(weights[name], own[target])), None)
        told = "no stem among them" if stem is None else f"the stem {stem} {self._rule(own[stem].shape[1])}"
        line = (
            f"{self.checkpoint}: {len(names)} of its {len(weights)} weights were loaded into {type(module).__name__}, {told}; "
            f"not used: {_listed(unused)}; initialised without it: {_listed(kept)}."
        )
        return line, logging.WARNING if stem is None or 2 * len(names) < len(weights) else logging.INFO

    def _rule(self, bands: int) -> str:
        if self.band_map is not None:
            return f"brought to {bands} bands by colour, {self.band_map}"
        return "as it is" if bands == 3 else f"brought from 3 to {bands} bands ('{self.stem}')"

    def _misfit(self, module: nn.Module, weights: Mapping[str, Tensor]) -> str:
        under = f" under {self.prefix!r}" if self.prefix else ""
        return (
            f"{self.checkpoint}: nothing in it{under} fits {type(module).__name__}. Its weights are called "
            f"{_listed(list(weights))}; the network's {_listed(list(module.state_dict()))}. Take the file of the same "
            "architecture and depth"
            f"{', or another prefix' if self.prefix else ''}."
        )


def inflate_stem(weight: Tensor, bands: int, rule: StemRule = "mean", band_map: Mapping[str, int] | None = None) -> Tensor:
    """Bring the kernels of a first convolution from three bands to another number.

    Args:
        weight: ``(out_channels, 3, height, width)``, for red, green, blue.
        bands: N.
        rule: See :class:`InflatedPretrained`.
        band_map: Likewise.

    Returns:
        ``(out_channels, N, height, width)``.

    Raises:
        InputError: When ``band_map`` names a band beyond N, or one band twice.
    """
    if rule == "repeat":
        return weight[:, [band % 3 for band in range(bands)]] * (3 / bands)
    inflated = weight.mean(1, keepdim=True).repeat(1, bands, 1, 1)
    places = dict(band_map or {})
    if len(set(places.values())) < len(places) or not all(1 <= place <= bands for place in places.values()):
        raise InputError(f"InflatedPretrained: band_map is {places}, but must name different bands out of 1 to {bands}")
    for colour, place in places.items():
        inflated[:, place - 1] = weight[:, COLOURS.index(colour)]
    return inflated * (3 / bands)


def _initialise_parts(module: nn.Module) -> None:
    """Let mmengine's modules inside initialise themselves now: mmengine would do so afterwards, over the loaded weights."""
    for child in module.children():
        start: Any = getattr(child, "init_weights", None)
        if callable(start) and not getattr(child, "is_init", False):
            start()
            cast(Any, child).is_init = True


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}" if names else "nothing"
