"""Laying out and compiling the networks of a run."""

from __future__ import annotations

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from rs_da_mm.engine.network_format import (
    checked_compile_options,
    compile_networks,
    lay_out_as_parameters,
    lay_out_channels_last,
)
from rs_da_mm.engine.run_state import optimizer_wrappers
from rs_da_mm.registry import HOOKS


@HOOKS.register_module()
class NetworkFormatHook(Hook):
    """Brings the model into channels-last memory format, or has its networks compiled, before a training or an evaluation.

    :func:`~rs_da_mm.engine.launcher.prepare_run` adds it where the config says ``channels_last = True`` or
    ``compile_networks = …``, and where a run is resumed, which may have had another format before.

    Args:
        channels_last: Whether images and weights are laid out with the channels of a pixel beside each other.
        compile_networks: ``True`` for the networks that are worth it, a list of their names, or a dict of the arguments of
            :func:`~rs_da_mm.engine.network_format.compile_networks`.

    Raises:
        InputError: When ``compile_networks`` is something else.
    """

    priority = "VERY_HIGH"  # before hooks that copy the model

    def __init__(self, channels_last: bool = False, compile_networks: Any = None) -> None:
        self.channels_last = channels_last
        self.compile_options = checked_compile_options(compile_networks)
        self._done: Any = None

    def before_run(self, runner: Runner) -> None:
        """Change the model, once."""
        if self._done is runner.model:
            return
        self._done = runner.model
        if self.channels_last:
            lay_out_channels_last(runner.model)
        if self.compile_options is not None:
            names = compile_networks(runner.model, **self.compile_options)
            runner.logger.info(f"To be compiled when first called: {', '.join(names)}.")

    def before_train_epoch(self, runner: Runner) -> None:
        """Lay out what a checkpoint brought as the weights are; it may come from a run of another format."""
        for _, wrapper in optimizer_wrappers(runner):
            lay_out_as_parameters(wrapper.optimizer)
