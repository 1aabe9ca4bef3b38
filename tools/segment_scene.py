"""Map scenes of any size: `python tools/segment_scene.py CONFIG CHECKPOINT SCENE… OUT`.

SCENE is a raster, several files of one scene joined by commas (B02.tif,B03.tif,B04.tif), a folder of rasters, a VRT, or a .txt
list with one scene per line. OUT is a .tif for one scene, or a folder, in which each map takes its scene's name. A run that was
stopped, in whatever way, goes on where it was when it is started again. docs/mapping.md tells more.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

# Before torch loads its threads: they wait for each other by spinning, which slows everything down while others use the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Before GDAL is loaded: a twentieth of the machine's memory is its usual cache, whatever else the memory is needed for.
os.environ.setdefault("GDAL_CACHEMAX", "64")

from rs_da_mm.engine.agreement import gather_on_all
from rs_da_mm.engine.command_line import OverrideAction, read_config, run_tool
from rs_da_mm.engine.hooks.preemption import STOPPED
from rs_da_mm.engine.launcher import finish_ranks
from rs_da_mm.engine.stop_signals import StopSignals
from rs_da_mm.errors import InputError
from rs_da_mm.inference import MapOptions, ReadOptions, SceneInferencer, SegmentorOptions
from rs_da_mm.inference.allocator import keep_freed_memory
from rs_da_mm.inference.inputs import find_scenes
from rs_da_mm.inference.many_scenes import Tidings, join_tidings, map_scenes
from rs_da_mm.inference.ranks import Ranks, join_ranks


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", metavar="CONFIG", help="the config of the training; - takes a published file's own")
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="the .pth or .safetensors file with the weights")
    parser.add_argument("scenes", metavar="SCENE", nargs="+", help="what to map, see above")
    parser.add_argument("out", metavar="OUT", type=Path, help="a .tif for one scene, or a folder")
    _add_scene_arguments(parser.add_argument_group("scenes"))
    _add_model_arguments(parser.add_argument_group("model"))
    _add_window_arguments(parser.add_argument_group("windows"))
    _add_output_arguments(parser.add_argument_group("output"))
    arguments = parser.parse_args()
    arguments.work_dir = None
    return arguments


def _add_scene_arguments(group: Any) -> None:
    group.add_argument("--pattern", default=None, metavar="GLOB", help="which files of a folder are scenes")
    group.add_argument("--recursive", action="store_true", help="look into the folders of a folder, too")
    group.add_argument("--mask-suffix", metavar="TEXT", help="town_mask.tif beside town.tif says where there is data, for _mask")
    group.add_argument("--bands", type=_bands, metavar="B,…", help="which bands, by number or name (default: as in training)")
    group.add_argument("--nodata", type=float, help='the value that means "no data", in place of the files\' own')
    group.add_argument("--no-alpha", action="store_true", help="a band that is marked as alpha is an image band")
    group.add_argument("--resample", choices=["nearest", "bilinear", "cubic"], help="resample to the pixel size of training")
    group.add_argument("--rescale", type=float, nargs=2, metavar=("GAIN", "OFFSET"), help="give the model GAIN * value + OFFSET")
    group.add_argument("--ignore-checks", action="store_true", help="map a scene that is not like those of the training, too")
    group.add_argument(
        "--unreadable", choices=["raise", "skip", "nodata"], default="raise", help="what becomes of windows that cannot be read"
    )


def _add_model_arguments(group: Any) -> None:
    group.add_argument("--device", help="cpu, cuda, cuda:1, … (default: a GPU where there is one)")
    group.add_argument(
        "--precision", choices=["float32", "bfloat16", "float16"], help="default: bfloat16 where the machine computes in it"
    )
    group.add_argument("--verify", action="store_true", help="compare labels of some windows with those in float32 first")
    group.add_argument("--tta", action="store_true", help="average over the eight symmetries of the square")
    group.add_argument("--compile", action="store_true", help="compile the network first; worth it on a GPU for large scenes")
    group.add_argument(
        "--cfg-options", nargs="+", action=OverrideAction, metavar="KEY=VALUE", help="settings of the config to override"
    )
    group.add_argument(
        "--launcher", choices=["none", "pytorch"], default="none", help="pytorch: ranks of torchrun share the scenes"
    )
    group.add_argument("--local-rank", "--local_rank", type=int, default=0, help=argparse.SUPPRESS)


def _add_window_arguments(group: Any) -> None:
    group.add_argument("--window", type=int, metavar="PIXELS", help="side of what the model sees (default: as in training)")
    group.add_argument(
        "--overlap", type=_overlap, default=0.25, metavar="SHARE", help="of neighbours: 0.25 of a window, or 64 pixels"
    )
    group.add_argument("--margin", type=int, default=0, metavar="PIXELS", help="rim of a window that is left to its neighbours")
    group.add_argument("--batch-size", type=int, metavar="N", help="windows at once (default: 2 or 4 on a CPU, 16 on a GPU)")
    group.add_argument("--ahead", type=int, default=3, metavar="N", help="batches to read ahead; 0: read, compute, write in turn")


def _add_output_arguments(group: Any) -> None:
    group.add_argument("--scores", choices=["uint8", "float16"], help="write every class's probability")
    group.add_argument("--uncertainty", choices=["entropy", "least_confidence"], help="write how unsure the map is")
    group.add_argument("--vectors", action="store_true", help="write polygons, as GeoPackage")
    group.add_argument("--min-area", type=float, default=0.0, metavar="M2", help="merge smaller polygons into their neighbours")
    group.add_argument("--preview", action="store_true", help="draw the map with a legend and a scale bar, as PNG")
    group.add_argument("--no-style", action="store_true", help="write no QGIS style")
    group.add_argument("--no-cog", action="store_true", help="write plain tiled GeoTIFFs, without overviews")
    group.add_argument("--threads", type=int, default=1, help="threads that compress")
    group.add_argument("--overwrite", action="store_true", help="replace maps that are there")


def _bands(text: str) -> tuple[int | str, ...]:
    return tuple(int(band) if band.isdigit() else band for band in map(str.strip, text.split(",")))


def _overlap(text: str) -> float:
    try:
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is neither a part of the window, as 0.25, nor pixels, as 64") from None


def make_inferencer(arguments: argparse.Namespace, ranks: Ranks) -> SceneInferencer:
    """Load the model with what the command line says."""
    if arguments.config == "-" and arguments.cfg_options:
        raise InputError(
            "--cfg-options: the config of a published file is taken as it is; give a config of your own in place of -."
        )
    config = None if arguments.config == "-" else read_config(arguments, required=("model",))
    return SceneInferencer(
        config,
        arguments.checkpoint,
        MapOptions(
            window=arguments.window,
            overlap=arguments.overlap,
            margin=arguments.margin,
            batch_size=arguments.batch_size,
            ahead=arguments.ahead,
            unreadable=arguments.unreadable,
            cog=not arguments.no_cog,
            scores=arguments.scores,
            uncertainty=arguments.uncertainty,
            vectors=arguments.vectors,
            min_area=arguments.min_area,
            preview=arguments.preview,
            style=not arguments.no_style,
            threads=arguments.threads,
            overwrite=arguments.overwrite,
            verify=arguments.verify,
        ),
        ReadOptions(
            bands=arguments.bands,
            nodata=arguments.nodata,
            alpha=not arguments.no_alpha,
            resample=arguments.resample,
            rescale=None if arguments.rescale is None else tuple(arguments.rescale),
            checks=not arguments.ignore_checks,
        ),
        SegmentorOptions(
            device=arguments.device or ranks.device,
            precision=arguments.precision,
            tta=arguments.tta,
            compile=arguments.compile,
        ),
    )


def tell_end(tidings: Tidings, scenes: int, ranks: Ranks) -> None:
    """Say what became of the scenes, once for all ranks."""
    if ranks.index:
        return
    if tidings.stopped:
        print("Stopped. What is finished is kept: the same command goes on from there.", flush=True)
    elif scenes == 1:
        for reason in tidings.failed.values():
            print(f"error: {reason}", file=sys.stderr, flush=True)
        for name in tidings.there:
            print(f"The map of {name} is there already.", flush=True)
    else:
        print(f"{len(tidings.made)} maps made, {len(tidings.there)} were there, {len(tidings.failed)} failed.", flush=True)
        for name, reason in tidings.failed.items():
            print(f"  {name}: {reason}", file=sys.stderr, flush=True)


def main() -> None:
    """Map what there is to map."""
    arguments = parse_arguments()
    keep_freed_memory()
    ranks = join_ranks(arguments.launcher)
    rank = f"rank {ranks.index}: " if ranks.count > 1 else ""

    def tell(sentence: str) -> None:
        print(f"{rank}{sentence}", flush=True)

    scenes = list(
        find_scenes(
            arguments.scenes,
            arguments.pattern,
            arguments.recursive,
            masks=arguments.mask_suffix is not None,
            mask_suffix="_mask" if arguments.mask_suffix is None else arguments.mask_suffix,
        )
    )
    consequence = "the mapping stops, what is finished is kept"
    with StopSignals(("SIGTERM", "SIGINT", "SIGUSR1"), consequence=consequence) as stop:
        inferencer = make_inferencer(arguments, ranks)
        inferencer.tell, inferencer.should_stop = tell, lambda: stop.received is not None
        tidings = join_tidings(gather_on_all(map_scenes(inferencer.map_input, scenes, arguments.out, ranks, tell)))
    tell_end(tidings, len(scenes), ranks)
    finish_ranks()
    if tidings.stopped or tidings.failed:
        raise SystemExit(STOPPED if tidings.stopped else 1)


if __name__ == "__main__":
    run_tool(main)
