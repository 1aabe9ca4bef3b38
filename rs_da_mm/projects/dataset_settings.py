"""The data set of a project, as its config has it."""

from __future__ import annotations

from typing import Any

from rs_da_mm.projects.request import ProjectRequest
from rs_da_mm.projects.scene_table import NAME
from rs_da_mm.projects.survey import Survey

SPLIT_FILE = "splits/split.json"


def dataset_settings(request: ProjectRequest, found: Survey, window: int) -> dict[str, Any]:
    """Give the arguments of ``RasterFolderDataset`` that all parts share; ``data_root`` and ``split_file`` are for the caller.

    Args:
        request: What is asked for.
        found: What there is.
        window: Side of a window.
    """
    classes = found.classes
    further: dict[str, Any] = {
        "labels": _labels(request, found),
        "heights": None if found.heights is None or found.heights.shared is None else found.heights.shared.as_posix(),
        "masks": [dict(rule) for rule, _ in found.masks] or None,
        "area_of_interest": found.area,
        "label_codes": None if found.labels_are_shapes and found.content.attribute is None else [*classes.codes],
        "other_labels": "ignore" if classes.ignores_others else None,
        "bands": list(request.bands) or None,
        "scale": found.scale,
        "offset": found.offset,
        "resample": "bilinear" if any(len(scene.images) > 1 for scene in found.scenes) else None,
    }
    return {
        "type": "RasterFolderDataset",
        "list_file": NAME,
        **{key: value for key, value in further.items() if value is not None},
        "metainfo": {"classes": classes.names, "palette": [*classes.palette]},
        "window_size": window,
    }


def _labels(request: ProjectRequest, found: Survey) -> Any:
    shared = None if found.labels.shared is None else found.labels.shared.as_posix()
    if not found.labels_are_shapes:
        return shared
    field = found.content.attribute
    where = [f"({request.where})"] if request.where and found.content.missing else [request.where] if request.where else []
    if found.content.missing:
        where.append(f'"{field}" IS NOT NULL')
    options: dict[str, Any] = {
        "path": shared,
        "layer": request.layer,
        "field": field,
        "where": " AND ".join(where) or None,
        "line_width": request.line_width if "lines" in found.content.geometries else None,
        "point_radius": request.point_radius if "points" in found.content.geometries else None,
        "shape_class": None if field is not None else next(name for _, name in found.classes.codes),
        "background": request.background,
    }
    return {key: value for key, value in options.items() if value is not None}
