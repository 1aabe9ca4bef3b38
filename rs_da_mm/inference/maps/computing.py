"""Computing what is not finished yet of a scene's map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.pipeline import OnRow, PipelineRun
from rs_da_mm.inference.core.plan import WindowPlan
from rs_da_mm.inference.core.protocols import PieceSink, SceneSource
from rs_da_mm.inference.inputs import UnreadableBlocks
from rs_da_mm.inference.maps.job import ComputedMap, MapJob, Tell
from rs_da_mm.inference.maps.layers import MapSink
from rs_da_mm.inference.maps.progress import MapProgress
from rs_da_mm.inference.maps.reading import tolerant
from rs_da_mm.inference.maps.verification import ENOUGH, label_agreement
from rs_da_mm.inference.segmentors.segmentor import Segmentor

_UNREADABLE = "unreadable.jsonl"

RunScene = Callable[[SceneSource, WindowPlan, PieceSink, int, OnRow], PipelineRun]


def compute_map(job: MapJob, segmentor: Segmentor, run_scene: RunScene, tell: Tell) -> ComputedMap:
    """Compute the rows that an earlier run has not finished.

    Args:
        job: The scene.
        segmentor: The model.
        run_scene: Takes a source through the model into a sink, from a row of windows on.
        tell: Takes sentences about the scene.

    Returns:
        What was done. The scores are in the job's output.

    Raises:
        InputError: When nothing of the scene could be read.
    """
    opened, plan, output = job.opened, job.plan, job.output
    kept = output.folder / _UNREADABLE
    if output.start_row == 0:
        kept.unlink(missing_ok=True)
    unreadable = UnreadableBlocks(kept)
    source = tolerant(opened, job.options.unreadable, unreadable)
    start_row = output.start_row
    agreement = _verify(source, plan, segmentor, tell) if job.options.verify else None
    went_on = f", going on from row {start_row}" if start_row else ""
    windows = f"{plan.window_count} windows of {plan.size[0]} x {plan.size[1]}"
    tell(f"{opened.source.name}: {source.height} x {source.width} pixels, {windows}{went_on}")
    sink = MapSink(output, job.options, segmentor.classes, opened.watch.check, segmentor.threshold)
    with MapProgress(opened.source.name, plan.window_count) as progress:
        run = run_scene(source, plan, sink, start_row, progress.show)
    if not run.stopped and len(unreadable) and not job.computed_windows:
        raise InputError(f"{opened.source.name}: no window of it is left to map: {unreadable.report()['reason']}")
    return ComputedMap(run, start_row, unreadable.report(), agreement)


def _verify(source: SceneSource, plan: WindowPlan, segmentor: Segmentor, tell: Tell) -> dict[str, Any]:
    agreement = label_agreement(source, plan, segmentor, segmentor.in_float32(), segmentor.threshold)
    spelled = f"{100 * agreement.share:.3f} % of {agreement.pixels} pixels have the same label in float32"
    advice = "" if agreement.share >= ENOUGH else f"; below {100 * ENOUGH:.1f} %, compute in float32 (--precision float32)"
    tell(f"{segmentor.options.precision}: {spelled}{advice}")
    return agreement._asdict()
