"""Publish the weights of a checkpoint: `python tools/publish.py CONFIG CHECKPOINT OUT.safetensors`.

Writes the weights alone, without optimizer and history, with what is needed to use them: classes, bands, pixel size,
normalisation, config, hash. Nothing in the file can be executed, and it names no folder of this machine.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rs_da_mm.engine.checkpoints.publishing import Publication, publish_model
from rs_da_mm.engine.command_line import OverrideAction, read_config, run_tool
from rs_da_mm.errors import InputError


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="the config that the model was trained with")
    parser.add_argument("checkpoint", help="the .pth or .safetensors file with the weights")
    parser.add_argument("out", help="the new file, or a folder for <config>-<hash>.safetensors")
    parser.add_argument(
        "--ema",
        action=argparse.BooleanOptionalAction,
        help="insist on the weights averaged by EMAHook, or take those beneath them (default: those that tools/test.py tests)",
    )
    parser.add_argument("--pixel-size", type=float, metavar="METRES", help="of the training scenes, where they do not say it")
    parser.add_argument("--license", help="the terms under which the weights are given, like CC-BY-4.0")
    parser.add_argument(
        "--cfg-options", nargs="+", action=OverrideAction, metavar="KEY=VALUE", help="settings of the config to override"
    )
    arguments = parser.parse_args()
    arguments.launcher, arguments.local_rank, arguments.work_dir = "none", 0, None
    return arguments


def summarise(publication: Publication) -> str:
    """Say what was written, and what could not be found out."""
    model = publication.model
    size, bands = model.pixel_size, model.bands
    lines = [
        f"{model.path}",
        f"  {publication.file_bytes / 1e6:.2f} MB, of {publication.checkpoint_bytes / 1e6:.2f} MB of checkpoint"
        + (f"; left out: {', '.join(publication.left_out)}" if publication.left_out else ""),
        f"  SHA-256 of the weights: {model.sha256}",
        f"  classes: {', '.join(model.classes) or 'unknown'}",
        f"  bands: {', '.join(bands.names) or bands.count if bands else 'unknown'}",
        f"  pixel size: {f'{size.width:g} x {size.height:g} {size.unit}' if size else 'unknown (--pixel-size gives it)'}",
        f"  normalisation: mean {model.normalisation['mean']}, std {model.normalisation['std']}",
        f"  licence: {model.license or 'none given (--license)'}",
    ]
    if model.from_miniature:
        lines.append("  trained on a MINIATURE: synthetic data, no use on real scenes")
    if publication.changed_keys:
        lines.append(f"  paths of this machine taken out of the config: {', '.join(publication.changed_keys)}")
    return "\n".join(lines)


def main() -> None:
    """Publish, and say what was written."""
    arguments = parse_arguments()
    if arguments.pixel_size is not None and not arguments.pixel_size > 0:
        raise InputError(f"--pixel-size {arguments.pixel_size}: expected metres, more than 0.")
    config = read_config(arguments, required=("model",))
    publication = publish_model(
        config,
        arguments.checkpoint,
        arguments.out,
        name=Path(arguments.config).stem,
        averaged=arguments.ema,
        pixel_size=arguments.pixel_size,
        license=arguments.license,
    )
    print(summarise(publication))


if __name__ == "__main__":
    run_tool(main)
