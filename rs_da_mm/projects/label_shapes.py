"""What the shapes of vector files hold, and which of their attributes tells the class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rs_da_mm.errors import InputError
from rs_da_mm.projects.findings import Findings, some
from rs_da_mm.projects.label_content import MOST, LabelContent
from rs_da_mm.raster.vectors import VectorLayer
from rs_da_mm.raster.vectors.features import read_features
from rs_da_mm.raster.vectors.libraries import shapely

_FIELDS = [
    "class",
    "classes",
    "label",
    "category",
    "landcover",
    "land_cover",
    "landuse",
    "land_use",
    "type",
    "kind",
    "name",
    "code",
]
_FEW = 50
_KINDS = ("points", "lines", "polygons")

ANY = "any"
"""Stands for the value of shapes that are all of one class."""


def look_at_shapes(
    paths: Sequence[Path], layer: str | None, where: str | None, wanted: str | None, findings: Findings
) -> LabelContent | None:
    """Count what vector files hold.

    Args:
        paths: The files.
        layer: The layer.
        where: A condition in SQL.
        wanted: The attribute that tells the class; without it, one is found.
        findings: Takes what is wrong.

    Returns:
        The content; ``None`` where there is a problem.
    """
    counts: Counter[Any] = Counter()
    kinds: set[str] = set()
    name = wanted
    before = len(findings.problems)
    for path in paths:
        try:
            source = VectorLayer(path, layer, where)
            if source.crs is None:
                findings.problems.append(
                    f"{source.name} names no coordinate system (CRS), so its place on the images cannot be told. Give it one "
                    f"(`ogr2ogr -a_srs EPSG:… OUT {path}`; a Shapefile carries it in its .prj file)."
                )
                continue
            faults = source.faults()
            if faults:
                findings.notes.append(f"{source.name}: geometries {faults.spelled}.")
            name = _field_of(source, name)
            counts.update({ANY: source.count} if name is None else source.values(name))
            kinds |= _kinds(source)
        except InputError as error:
            findings.problems.append(str(error).replace("layer=…", "--layer …"))
    if len(findings.problems) > before:
        return None
    without = counts.pop(None, 0) if name is not None else 0
    if without:
        findings.notes.append(f"{without} features of the labels have no '{name}'; they are not used.")
    if not counts or len(counts) > MOST:
        said = f"the field {name!r} has {len(counts):,} values" if counts else f"no feature has a value in the field {name!r}"
        findings.problems.append(
            f"{paths[0]}: {said}; say which attribute tells the class: --field …, one of "
            f"{', '.join(VectorLayer(paths[0], layer).fields)}."
        )
        return None
    told = dict(sorted(counts.items(), key=lambda pair: (isinstance(pair[0], str), pair[0])))
    return LabelContent("shapes", told, attribute=name, geometries=frozenset(kinds), missing=without)


def _field_of(source: VectorLayer, wanted: str | None) -> str | None:
    """The attribute that tells the class: the one asked for, or the one whose name says so, or the only one with few values."""
    if wanted is not None:
        source.require_field(wanted)
        return wanted
    named = [name for known in _FIELDS for name in source.fields if name.casefold() == known]
    few = {}
    for name in source.fields:
        counts = source.values(name)
        if 2 <= len(set(counts) - {None}) <= _FEW and len(counts) < source.count:
            few[name] = counts
    candidates = [name for name in named if name in few] or list(few)
    if len(candidates) == 1 or (candidates and candidates[0] in named):
        return candidates[0]
    if not candidates:
        return named[0] if named and len(source.values(named[0])) <= MOST else None
    told = "; ".join(f"{name}: {some([str(value) for value in few[name]], 5)}" for name in candidates)
    raise InputError(
        f"{source.name}: several attributes could tell the class ({told}). Say which one does: --field {candidates[0]}."
    )


def _kinds(source: VectorLayer) -> set[str]:
    dimensions = shapely().get_dimensions(read_features(source.source, None, None).shapes)
    return {_KINDS[dimension] for dimension in np.unique(dimensions).tolist() if dimension >= 0}
