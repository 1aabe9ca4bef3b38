"""The record of a run: what it is made from, how far it came, what came out. One file per run, whole or not there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from rs_da_mm.files import atomic_write_json
from rs_da_mm.studies.fields import StudyError

RECORD = "run.json"
_SHOWN, _LONGEST = 5, 60

STARTED, DONE, FAILED, STOPPED = "started", "done", "failed", "stopped"


@dataclass(frozen=True)
class Record:
    """What is known about a run.

    Attributes:
        state: ``'started'`` (and, if nobody is at it, interrupted), ``'done'``, ``'failed'`` or ``'stopped'``.
        identity: What it is made from, as plain data: config, seed, data, and the hashes of what it takes from other runs.
        command: The command line, without the Python in front.
        log: The log file's name.
        attempts: How often it was started.
        seconds: How long all attempts took together.
        exit_status: Of the last attempt that ended.
        message: The last line of a run that failed.
        result: What came out: the checkpoint with its hash, the budget, the scores.
    """

    state: str
    identity: Mapping[str, Any]
    command: tuple[str, ...] = ()
    log: str = ""
    attempts: int = 0
    seconds: float = 0.0
    exit_status: int | None = None
    message: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """SHA-256 over what the run is made from."""
        return fingerprint(self.identity)

    def write(self, folder: Path) -> None:
        """Write ``run.json`` into a run's folder."""
        atomic_write_json(folder / RECORD, {"fingerprint": self.fingerprint, **asdict(self)})


def read_record(folder: Path) -> Record | None:
    """Read a run's record.

    Args:
        folder: The run's.

    Returns:
        The record; None where there is none.

    Raises:
        StudyError: When it is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        known = {one.name for one in fields(Record)}
        found = {name: value for name, value in content.items() if name in known}
        return Record(**{**found, "command": tuple(found.get("command", ()))})
    except (ValueError, TypeError, AttributeError) as error:
        raise StudyError(f"{path}: is no record of a run ({error}). Delete the folder to have it run anew.") from error


def fingerprint(identity: Mapping[str, Any]) -> str:
    """Sum up what a run is made from."""
    return hashlib.sha256(json.dumps(identity, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def identity_differences(was: Any, now: Any, path: str = "") -> list[str]:
    """Say where two identities differ, key by key.

    Args:
        was: The recorded one, or a part of it.
        now: The present one.
        path: Where the part is, with points.

    Returns:
        One phrase per difference: ``train_cfg.max_epochs was 3 and is 4``.
    """
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        return [
            phrase
            for key in dict.fromkeys([*was, *now])
            for phrase in identity_differences(was.get(key), now.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [
            phrase
            for index, (one, other) in enumerate(zip(was, now, strict=True))
            for phrase in identity_differences(one, other, f"{path}[{index}]")
        ]
    return [] if was == now else [f"{path} was {_shorten(was)} and is {_shorten(now)}"]


def describe_differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Put the differences of two identities in one sentence, without the full path of the config's own keys."""
    found = [phrase.removeprefix("config.") for phrase in identity_differences(was, now)]
    more = len(found) - _SHOWN
    return "; ".join(found[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _shorten(value: Any) -> str:
    if value is None:
        return "not there"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
