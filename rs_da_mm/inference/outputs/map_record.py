"""The record of a map: what was made of what, with what, when, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rs_da_mm.engine.environment import collect_environment
from rs_da_mm.errors import InputError
from rs_da_mm.files import atomic_write_json
from rs_da_mm.inference.outputs.tally import AreaTally

FORMAT = 1


def make_record(
    *,
    scene: Mapping[str, Any],
    model: Mapping[str, Any],
    settings: Mapping[str, Any],
    windows: Mapping[str, int],
    tally: AreaTally,
    started: datetime,
    finished: datetime,
    outputs: Mapping[str, Path],
) -> dict[str, Any]:
    """Put a record together.

    Args:
        scene: What was mapped: paths, fingerprint, size, bands.
        model: What mapped it: config, checkpoint and its hash.
        settings: How: window size, overlap, precision and the like.
        windows: How many windows there were, were computed, left out as empty, unreadable.
        tally: The finished map's pixels and areas.
        started: When the run began, with its time zone.
        finished: When the map was finished, with its time zone.
        outputs: What was written, by kind; each must exist.

    Returns:
        The record, as JSON can hold it. Of the outputs it keeps name and size, not the folder: a map and its record can move.

    Raises:
        InputError: When a time has no time zone, or an output is missing.
    """
    for moment in (started, finished):
        if moment.tzinfo is None:
            raise InputError(f"the time {moment} has no time zone; use datetime.now(timezone.utc).")
    missing = [str(path) for path in outputs.values() if not path.is_file()]
    if missing:
        raise InputError(f"{', '.join(missing)} should have been written and is not there.")
    return {
        "format": FORMAT,
        "scene": dict(scene),
        "model": dict(model),
        "settings": dict(settings),
        "windows": dict(windows),
        "time": {"started": _spelled(started), "finished": _spelled(finished), "seconds": (finished - started).total_seconds()},
        **tally.report(),
        "outputs": {kind: {"file": path.name, "bytes": path.stat().st_size} for kind, path in outputs.items()},
        "environment": collect_environment(),
    }


def write_record(path: str | Path, record: Mapping[str, Any]) -> None:
    """Write a record, last of all files: where it is, the map is whole.

    Args:
        path: Where it goes, ``.json``.
        record: What :func:`make_record` gives.
    """
    atomic_write_json(path, record)


def _spelled(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="seconds")
