"""What lies there: images, labels and what goes with them, with everything that stands in the way told at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rs_da_mm.datasets.vector_files import is_vector_file
from rs_da_mm.errors import InputError
from rs_da_mm.projects.classes import ClassChoice, choose_classes
from rs_da_mm.projects.findings import Findings, some
from rs_da_mm.projects.images import FoundScene, absolute, find_images
from rs_da_mm.projects.label_content import LabelContent
from rs_da_mm.projects.label_place import place_problems
from rs_da_mm.projects.label_rasters import look_at_rasters
from rs_da_mm.projects.label_shapes import look_at_shapes
from rs_da_mm.projects.matching import Companions, files_meant, match_files
from rs_da_mm.projects.options import read_area, read_mask, read_scale
from rs_da_mm.projects.request import ProjectRequest


@dataclass(frozen=True)
class Survey:
    """What was found.

    Attributes:
        scenes: The images that have labels.
        labels: Their labels.
        content: What the labels hold.
        classes: The classes.
        heights: Their heights, where there are any.
        masks: Rule and files of each quality mask.
        area: Where labels count.
        scale: How stored values become physical ones.
        offset: Likewise.
        notes: What is to be known.
    """

    scenes: tuple[FoundScene, ...]
    labels: Companions
    content: LabelContent
    classes: ClassChoice
    heights: Companions | None
    masks: tuple[tuple[dict[str, Any], Companions], ...]
    area: Any
    scale: Any
    offset: Any
    notes: list[str]

    @property
    def is_placed(self) -> bool:
        """Whether all images say where they lie."""
        return all(scene.facts.is_placed for scene in self.scenes)

    @property
    def labels_are_shapes(self) -> bool:
        """Whether the labels are vector files."""
        return self.content.kind == "shapes"


def survey(request: ProjectRequest) -> Survey:
    """Look at everything that the request names.

    Raises:
        DatasetError: With all that stands in the way.
    """
    findings = Findings()
    label_files = files_meant(request.labels, request.images)
    masks = _read_all(lambda: [read_mask(text) for text in request.masks], findings) or []
    area = _read_all(lambda: None if request.area is None else read_area(request.area), findings)
    scale = _read_all(lambda: read_scale("--scale", request.scale), findings)
    offset = _read_all(lambda: read_scale("--offset", request.offset), findings)
    height_files = [] if request.heights is None else files_meant(request.heights, request.images)
    mask_files = [files_meant(path, request.images) for _, path in masks]
    aside = frozenset((*label_files, *height_files, *(file for files in mask_files for file in files)))
    mixed = any(absolute(Path(text)) == absolute(Path(request.labels)) for text in request.images)
    scenes = find_images(request.images, aside, mixed, findings)
    content = _look_at_labels(label_files, request, findings)
    classes = None if content is None else choose_classes(request.classes, content, findings, request.background)
    labels = None
    if scenes:
        labels = match_files("--labels", request.labels, label_files, scenes, findings)
    if labels is not None:
        scenes = _labelled(scenes, labels, findings)
        if scenes:
            findings.problems += place_problems(scenes, labels, request.layer, request.where)
    heights = None
    if request.heights is not None and scenes:
        heights = _complete("--heights", request.heights, height_files, scenes, findings)
    found_masks = [
        (rule, _complete("--masks", path, files, scenes, findings))
        for (rule, path), files in zip(masks, mask_files, strict=True)
        if scenes
    ]
    _require_widths(content, request, findings)
    findings.require_none()
    assert labels is not None
    assert content is not None
    assert classes is not None
    kept_masks = tuple((rule, one) for rule, one in found_masks if one is not None)
    return Survey(tuple(scenes), labels, content, classes, heights, kept_masks, area, scale, offset, findings.notes)


def _read_all(read: Any, findings: Findings) -> Any:
    try:
        return read()
    except InputError as error:
        findings.problems.append(str(error))
        return None


def _look_at_labels(files: Sequence[Path], request: ProjectRequest, findings: Findings) -> LabelContent | None:
    shapes = [path for path in files if is_vector_file(path)]
    if not files or (shapes and len(shapes) < len(files)):
        return None  # told where files are matched
    if shapes:
        return look_at_shapes(shapes, request.layer, request.where, request.field, findings)
    content = look_at_rasters(files, findings)
    if content is not None and content.looked_at[0] < content.looked_at[1]:
        findings.notes.append(
            f"{content.looked_at[0]} of {content.looked_at[1]} label files were looked at; a value that only others hold is "
            "told when "
            "the windows are counted."
        )
    return content


def _labelled(scenes: Sequence[FoundScene], labels: Companions, findings: Findings) -> list[FoundScene]:
    """Leave out the scenes without a label, and refuse labels that lie outside all of them."""
    without = [scene.name for scene in scenes if labels.of(scene.name) is None]
    kept = [scene for scene in scenes if labels.of(scene.name) is not None]
    if without and kept:
        findings.notes.append(f"{len(without)} of {len(scenes)} images have no label, and are left out: {some(without)}.")
    if not kept:
        findings.problems.append(f"None of the {len(scenes)} images has a label ({some(without)}).")
        return []
    return kept


def _complete(
    option: str, text: str, files: Sequence[Path], scenes: Sequence[FoundScene], findings: Findings
) -> Companions | None:
    found = match_files(option, text, files, scenes, findings)
    if found is None:
        return None
    without = [scene.name for scene in scenes if found.of(scene.name) is None]
    if without:
        findings.problems.append(f"{option} {text}: nothing belongs to {len(without)} of {len(scenes)} images: {some(without)}.")
    return found


def _require_widths(content: LabelContent | None, request: ProjectRequest, findings: Findings) -> None:
    if content is None or content.kind != "shapes":
        return
    for kind, value, option in (
        ("lines", request.line_width, "--line-width"),
        ("points", request.point_radius, "--point-radius"),
    ):
        if kind in content.geometries and value is None:
            findings.problems.append(
                f"The labels hold {kind}, which have no area: say how {'wide' if kind == 'lines' else 'large'} they are on the "
                "ground, "
                f"{option} METRES."
            )
