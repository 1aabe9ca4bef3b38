"""Whether a map is there already, and what it was made from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rs_da_mm.errors import InputError
from rs_da_mm.inference.identity import differences
from rs_da_mm.inference.maps.places import MapPlaces


def is_made(places: MapPlaces, identity: Mapping[str, Any], overwrite: bool) -> bool:
    """Tell whether a map is there that was made from the same.

    Args:
        places: Where its files lie.
        identity: What it is to be made from, as JSON gives it back.
        overwrite: Whether one that was made from something else may be replaced.

    Returns:
        Whether its record says so, and its files are there as the record has them.

    Raises:
        InputError: When a map is there that was made from something else or by somebody else, and may not be replaced.
    """
    record = read_record(places)
    if record is not None and record.get("identity") == identity:
        return _has_files(places, record)
    if overwrite:
        return False
    if record is not None:
        different = "; ".join(differences(record.get("identity") or {}, identity))
        raise InputError(
            f"{places.labels} is there already and was made otherwise: {different}. Replace it with --overwrite, or write "
            "elsewhere."
        )
    # Without a record it may be what a run wrote that was killed just before the end.
    if places.labels.exists() and not places.unfinished.exists():
        raise InputError(f"{places.labels} is there already, without a record. Replace it with --overwrite, or write elsewhere.")
    return False


def read_record(places: MapPlaces) -> dict[str, Any] | None:
    """Read the record of a map; ``None`` where there is none, or something else has its name."""
    try:
        record = json.loads(places.record.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("outputs"), dict) else None


def remove_outdated(places: MapPlaces, former: Mapping[str, Any] | None, written: Mapping[str, Any]) -> None:
    """Take away what a map that was replaced had beside it and the new one has not.

    Args:
        places: Where the files lie.
        former: The record of the map that was replaced.
        written: The new files by kind.
    """
    kinds = {"scores", "uncertainty", "style", "preview", "vectors"}
    for kind in kinds & set(former["outputs"] if former else ()) - set(written):
        getattr(places, kind).unlink(missing_ok=True)


def _has_files(places: MapPlaces, record: Mapping[str, Any]) -> bool:
    try:
        return all(
            (places.labels.parent / entry["file"]).stat().st_size == entry["bytes"] for entry in record["outputs"].values()
        )
    except (OSError, KeyError, TypeError):
        return False
