"""What the names of files tell: which of them belong together, which are labels, which hold single bands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from rs_da_mm.datasets.scene_patterns import is_sidecar
from rs_da_mm.datasets.vector_files import is_vector_file


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LABEL_WORDS = _words(
    "label labels lbl lbls mask masks gt groundtruth truth reference annotation annotations ann anns anno class classes seg "
    "segmentation target targets"
)
"""Words in the names of files and folders that say "this is a label"."""

_PLAIN_WORDS = LABEL_WORDS | _words(
    "image images img imgs picture scene scenes sat satellite raster rasters rgb rgbir nir irrg cir ms ortho tif tiff png jpg "
    "dir "
    "height heights dsm dtm dem ndsm scl qa pixel data index colour color 5classes 15classes 5label 15label"
)
_COLOURS = ("coastal", "blue", "green", "red", "rededge", "nir", "nir08", "nir2", "swir", "swir16", "swir1", "swir22", "swir2")
_BAND = re.compile(rf"(?:band|b)?_?0*(?P<number>\d{{1,2}})(?P<letter>[a-z]?)|(?P<colour>{'|'.join(_COLOURS)})", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\W_]+")
_RASTERS = _words(".tif .tiff .jpg .jpeg .png .jp2 .img .vrt .bil .bip .bsq .dat .ntf .pix .gif .bmp .webp .asc .hdf .nc .grd")


def is_raster_name(path: Path) -> bool:
    """Tell by its name whether a file may be a raster."""
    return path.suffix.lower() in _RASTERS and not path.name.startswith(".") and not is_sidecar(path)


def files_in(folder: Path) -> list[Path]:
    """List the rasters and vector files of a folder and its folders, hidden ones left out, in the order of their paths."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and (is_raster_name(path) or is_vector_file(path)) and (path.is_file() or path.suffix.lower() == ".gdb"):
            found.append(path)
    # Records and statistics of rasters are called as they are, with .json behind.
    rasters = [path for path in found if is_raster_name(path)]
    told = {path.name for path in rasters} | {path.stem for path in rasters}
    return [path for path in found if path.suffix.lower() != ".json" or path.stem not in told]


def words(name: str) -> list[str]:
    """Take a name or path apart into its words, in lower case."""
    return [word for word in _SEPARATORS.split(name.casefold()) if word]


def looks_like_label(path: PurePath) -> bool:
    """Tell whether a file's name, or that of one of its folders, says that it is a label."""
    return any(word in LABEL_WORDS for word in words(path.with_suffix("").as_posix()))


def key_of(name: str) -> tuple[str, ...]:
    """The words of a name that tell scenes apart: without those that say what a file is.

    ``images/tile_1_rgb`` and ``labels/tile_1_mask`` have one key.
    """
    return tuple(word.lstrip("0") or "0" for word in words(name) if word not in _PLAIN_WORDS)


def one_band_families(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Find files that differ only in the word that names their band: ``a_B02.tif``, ``a_B03.tif``, ``a_B8A.tif``.

    Args:
        paths: Files of one folder.

    Returns:
        Common name, and files in the order of their bands (numbers, then blue, green, red, infrared); only families of two or
        more. Whether they hold one band each, of one place, is for the caller to see.
    """
    families: dict[tuple[str, ...], list[tuple[tuple[int, str], Path]]] = {}
    for path in paths:
        parts = re.split(r"([\W_]+)", path.stem)
        for place in range(0, len(parts), 2):
            match = _BAND.fullmatch(parts[place])
            if match is not None:
                rest = (*parts[:place], "*", *parts[place + 1 :])
                families.setdefault(rest, []).append((_rank(match), path))
    taken: set[Path] = set()
    found = {}
    for rest, members in sorted(families.items(), key=lambda pair: -len(pair[1])):
        ranked = sorted(member for member in members if member[1] not in taken)
        if len(ranked) > 1 and len({rank for rank, _ in ranked}) == len(ranked):
            taken.update(path for _, path in ranked)
            found[_SEPARATORS.sub("_", "".join(part for part in rest if part != "*")).strip("_") or "scene"] = [
                path for _, path in ranked
            ]
    return found


def _rank(match: re.Match[str]) -> tuple[int, str]:
    if match["colour"]:
        return _COLOURS.index(match["colour"].lower()), "~"
    return int(match["number"]), match["letter"].lower()
