"""From your own data to a config that trains: `python tools/new_project.py --images DIR --labels PATH --out PROJECT`.

Looks at the files, asks nothing that it can find out, and writes PROJECT/config.py with the split, the statistics and a report.
docs/own_data.md explains every option.
"""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from pathlib import Path
from typing import Any

# Before torch loads its threads: they wait for each other by spinning, which slows everything down while others use the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from mmengine.logging import MMLogger

from rs_da_mm.engine.command_line import run_tool
from rs_da_mm.projects import ProjectRequest, make_project
from rs_da_mm.projects.summary import summary


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    group = parser.add_argument_group("what there is")
    group.add_argument(
        "--images", nargs="+", required=True, metavar="PATH", help="folders, files, or patterns: 'images/{city}/{scene}.tif'"
    )
    group.add_argument("--labels", required=True, metavar="PATH", help="a raster or vector file for all, a folder, or a pattern")
    group.add_argument("--heights", metavar="PATH", help="rasters of heights, likewise")
    group.add_argument("--masks", nargs="+", default=[], metavar="KIND=PATH", help="quality masks: scl=masks/{scene}_SCL.tif")
    group.add_argument("--area", metavar="FILE|W,S,E,N", help="where labels count: a vector file, or a box")
    group.add_argument("--bands", type=_bands, default=(), metavar="B,…", help="which bands, by number or name (default: all)")
    group.add_argument("--scale", metavar="S", help="file, sentinel2, a number, or one per band: stored * scale + offset")
    group.add_argument("--offset", metavar="O", help="a number, or one per band")
    group = parser.add_argument_group("classes")
    group.add_argument("--classes", metavar="NAMES", help="water,field,town | 1=water,2=field,7=ignore | FILE.csv")
    group.add_argument("--field", help="the attribute of shapes that tells the class")
    group.add_argument("--layer", help="the layer of a vector file")
    group.add_argument("--where", metavar="SQL", help='which shapes count: "year = 2020"')
    group.add_argument("--background", metavar="NAME", help="the class of what no shape covers (default: not labelled)")
    group.add_argument("--line-width", type=float, metavar="M", help="of lines, in metres")
    group.add_argument("--point-radius", type=float, metavar="M", help="of points, in metres")
    group = parser.add_argument_group("training")
    group.add_argument(
        "--model",
        default="macunet",
        help="macunet, resnet_unet, deeplabv3plus, segformer, upernet, or a config of mmsegmentation",
    )
    group.add_argument("--weights", metavar="FILE", help="weights to begin with, of any number of bands")
    group.add_argument("--window", type=int, metavar="PIXELS", help="side of a window (default: 256, less for small images)")
    group.add_argument("--batch-size", type=int, metavar="N", help="windows per step")
    group.add_argument("--epochs", type=int, metavar="N", help="epochs")
    group.add_argument("--iterations", type=int, metavar="N", help="steps, in place of --epochs")
    group.add_argument(
        "--split", metavar="HOW", help="ground, scene, group:NAME or random (default: by ground, if it can be told)"
    )
    group.add_argument("--gap", type=float, metavar="METRES", help="between windows of different parts")
    group.add_argument("--seed", type=int, default=0, help="of split and training (default: 0)")
    group = parser.add_argument_group("output")
    group.add_argument("--out", required=True, type=Path, metavar="PROJECT", help="the project's folder")
    group.add_argument(
        "--no-estimate", dest="estimate", action="store_false", help="do not measure memory and time by a few training steps"
    )
    group.add_argument("--overwrite", action="store_true", help="replace a project that has not been trained")
    return parser.parse_args()


def _bands(text: str) -> tuple[int | str, ...]:
    return tuple(int(band) if band.isdigit() else band for band in map(str.strip, text.split(",")))


def main() -> None:
    """Make the project, and say what was found and what comes next."""
    arguments: dict[str, Any] = vars(parse_arguments())
    request = ProjectRequest(**{**arguments, "images": tuple(arguments["images"]), "masks": tuple(arguments["masks"])})
    MMLogger.get_current_instance().setLevel(logging.WARNING)  # of splits that are only tried, nobody wants to hear
    project = make_project(request, " ".join(["python tools/new_project.py", *map(shlex.quote, sys.argv[1:])]))
    print(summary(project))


if __name__ == "__main__":
    run_tool(main)
