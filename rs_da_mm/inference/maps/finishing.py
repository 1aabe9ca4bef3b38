"""The last step of mapping: files from what was computed, and their record."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from rs_da_mm.inference.maps.assembly import MapGround, assemble_map, refusals_told
from rs_da_mm.inference.maps.job import ComputedMap, MapJob, Tell
from rs_da_mm.inference.maps.made_before import put_aside_record, remove_outdated
from rs_da_mm.inference.outputs import AreaTally, make_record, write_record
from rs_da_mm.inference.outputs.classes import MapClasses

_NOTICED = 0.01
"""By how much areas on the ground differ from those of the grid before that is said."""


def finish_map(
    job: MapJob, computed: ComputedMap, classes: MapClasses, model: Mapping[str, Any], batch_size: int, tell: Tell
) -> dict[str, Any]:
    """Write the files of the map, and last its record.

    Args:
        job: The scene; all its rows are computed.
        computed: What the last run did.
        classes: The classes of the map.
        model: About the model, for the record.
        batch_size: Windows per batch, for the record.
        tell: Takes sentences about the scene.

    Returns:
        The record.

    Raises:
        InputError: When the disk refuses. What is computed is kept.
    """
    opened, places = job.opened, job.places
    with refusals_told(places.record):
        former = put_aside_record(places, job.output.folder)
    ground = MapGround(job.plan.height, job.plan.width, opened.source.georeference(), classes, str(opened.facts["name"]))
    since = time.perf_counter()
    written, tally = assemble_map(job.output, ground, places, job.options)
    remove_outdated(places, former, written)
    _warn_of_areas(tally, tell)
    record = {
        **make_record(
            scene=opened.facts,
            model=model,
            settings={**asdict(job.options), "window": job.plan.size, "batch_size": batch_size},
            windows=_windows(job),
            tally=tally,
            started=job.started,
            finished=datetime.now(timezone.utc),
            outputs=written,
        ),
        "unreadable": computed.unreadable,
        "agreement_with_float32": computed.agreement,
        "run": {
            "went_on_from_row": computed.start_row,
            "seconds": {**asdict(computed.run.times), "writing_files": time.perf_counter() - since},
        },
        "identity": job.identity,
    }
    with refusals_told(places.record):
        write_record(places.record, record)
    return record


def _windows(job: MapJob) -> dict[str, int]:
    return {
        "planned": job.plan.window_count + job.plan.skipped,
        "known_to_be_empty": job.plan.skipped,
        "computed": job.computed_windows,
        "found_empty": sum(int(band.notes["empty"]) for band in job.output.bands),
    }


def _warn_of_areas(tally: AreaTally, tell: Tell) -> None:
    scale = tally.report()["true_area_per_grid_area"]
    if scale is not None and abs(scale - 1) > _NOTICED:
        tell(f"Areas are those of the map's grid; on the ground they are {scale:.3g} times as large.")
