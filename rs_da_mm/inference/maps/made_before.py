"""What lies where a map is to go: the same map, another one, its unfinished parts, or somebody's own files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rs_da_mm.errors import InputError
from rs_da_mm.inference.maps.places import MapPlaces
from rs_da_mm.inference.resumable.identity import differences
from rs_da_mm.inference.resumable.output_lock import OutputInUseError, OutputLock
from rs_da_mm.inference.resumable.resumable_output import unfinished_identity

_FORMER = "former_record.json"


def is_made(places: MapPlaces, identity: Mapping[str, Any], overwrite: bool, files: Sequence[Path] = ()) -> bool:
    """Tell whether a map is there that was made from the same.

    Args:
        places: Where its files lie.
        identity: What it is to be made from, as JSON gives it back.
        overwrite: Whether those of another map may be replaced.
        files: All files that are to be written, beside the map itself and its record.

    Returns:
        Whether its record says so, and its files are there as the record has them.

    Raises:
        InputError: When files are there that were made from something else or by somebody else, and may not be replaced.
    """
    # In this order, the reverse of the one in which a run leaves them: another one may finish the map meanwhile.
    there = [path for path in dict.fromkeys([places.labels, *files, places.record]) if path.exists()]
    is_begun = places.unfinished.exists()
    record = read_record(places)
    is_own = record is not None and record["outputs"].get("labels", {}).get("file") == places.labels.name
    if record is not None and is_own and not differences(record.get("identity") or {}, identity):
        return _has_files(places, record)
    if overwrite:
        return False
    if record is not None and is_own:
        different = "; ".join(differences(record.get("identity") or {}, identity))
        raise InputError(
            f"{places.labels} is there already and was made otherwise: {different}. Replace it with --overwrite, or write "
            "elsewhere."
        )
    # Without a record they may be what a run wrote that was killed just before the end.
    if there and not is_begun:
        named = f"{there[0]}{''.join(f' and {path.name}' for path in there[1:])} {'are' if there[1:] else 'is'} there already"
        raise InputError(f"{named}, without a record of this map. Replace with --overwrite, or write elsewhere.")
    return False


def require_apart(files: Iterable[Path], sources: Iterable[Path]) -> None:
    """Refuse a map that would take the place of what it is made from.

    Args:
        files: Where its files go.
        sources: The files of the scene.

    Raises:
        InputError: When one of them lies there.
    """
    scene = {_key(path): path for path in sources}
    scene.pop(None, None)
    for path in files:
        source = scene.get(_key(path))
        if source is not None:
            raise InputError(f"{path} would take the place of {source}, which belongs to the scene; write the map elsewhere.")


def read_record(places: MapPlaces) -> dict[str, Any] | None:
    """Read the record of a map; ``None`` where there is none, or something else has its name."""
    return _read(places.record)


def put_aside_record(places: MapPlaces, folder: Path) -> dict[str, Any] | None:
    """Take away the record of a map before the first of its files is replaced, from when on it is no longer true.

    Args:
        places: Where its files lie.
        folder: Where it is kept, for a run that goes on after this one was killed.

    Returns:
        The record, or that of an earlier such run; ``None`` without one.
    """
    kept = folder / _FORMER
    if read_record(places) is None:
        places.record.unlink(missing_ok=True)
    else:
        places.record.replace(kept)
    return _read(kept)


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


def remove_leftovers(places: MapPlaces, identity: Mapping[str, Any]) -> None:
    """Take away what a run left that was killed when its map was whole; what another run is to go on from stays.

    Args:
        places: Where the files lie; the map is there.
        identity: What it was made from.
    """
    if not places.unfinished.exists():
        return
    lock = OutputLock(places.unfinished)
    with suppress(OutputInUseError):
        lock.acquire()
        begun = unfinished_identity(places.unfinished)
        if begun is None or not differences({name: begun.get(name) for name in identity}, identity):
            lock.remove_folder()
        else:
            lock.release()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("outputs"), dict) else None


def _has_files(places: MapPlaces, record: Mapping[str, Any]) -> bool:
    try:
        return all(
            (places.labels.parent / entry["file"]).stat().st_size == entry["bytes"] for entry in record["outputs"].values()
        )
    except (OSError, KeyError, TypeError):
        return False


def _key(path: Path) -> tuple[int, int] | None:
    """By which a file is known under whatever name; ``None`` where there is none."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino
