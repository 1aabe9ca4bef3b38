"""What a stored split, index or statistic was made from, and whether that is still what lies on the disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rs_da_mm.errors import DatasetError

_SHOWN = 3


@dataclass(frozen=True)
class Provenance:
    """The settings and files that a result depends on.

    Attributes:
        parameters: Settings by name, as JSON holds them (lists, not tuples).
        scenes: Fingerprint of each scene's files.
    """

    parameters: Mapping[str, Any]
    scenes: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """One SHA-256 over all scenes' fingerprints."""
        return _digest(sorted(self.scenes.items()))

    @property
    def short_name(self) -> str:
        """Eight letters that differ when a setting differs; the files do not matter."""
        return _digest(self.parameters)[:8]

    def to_json(self) -> dict[str, Any]:
        """The form that is written to files."""
        return {"parameters": dict(self.parameters), "fingerprint": self.fingerprint, "scenes": dict(sorted(self.scenes.items()))}

    @classmethod
    def from_json(cls, content: Any) -> Provenance:
        """Read what :meth:`to_json` wrote.

        Raises:
            KeyError: When something is missing.
            TypeError: When something has another form.
        """
        return cls(dict(content["parameters"]), dict(content["scenes"]))

    def differences(self, now: Provenance) -> list[str]:
        """Say what is no longer as it was recorded here.

        Args:
            now: The present state.

        Returns:
            One phrase per difference, none when all is as it was.
        """
        found = []
        for name in sorted({*self.parameters, *now.parameters}):
            was, found_now = self.parameters.get(name), now.parameters.get(name)
            if was != found_now:
                found.append(f"{name} was {_shorten(was)} and is {_shorten(found_now)}")
        changed = sorted(s for s in self.scenes.keys() & now.scenes.keys() if self.scenes[s] != now.scenes[s])
        for what, scenes in (
            ("changed files of {}", changed),
            ("new scenes {}", sorted(now.scenes.keys() - self.scenes.keys())),
            ("missing scenes {}", sorted(self.scenes.keys() - now.scenes.keys())),
        ):
            if scenes:
                found.append(what.format(_names(scenes)))
        return found

    def require(self, now: Provenance, path: object, what: str) -> None:
        """Refuse a stored result that no longer fits.

        Args:
            now: The present state.
            path: The file that holds the result, for the error.
            what: What it holds: 'split', 'statistics'.

        Raises:
            DatasetError: Naming the file, what differs, and what to do.
        """
        differences = self.differences(now)
        if differences:
            raise DatasetError(
                f"{path}: this {what} file no longer fits the data set: {'; '.join(differences)}. "
                f"Delete the file to have the {what} made anew, or bring back what it was made from."
            )


def plain(value: Any) -> Any:
    """Give a setting the form that it has after a round trip through JSON.

    Raises:
        TypeError: When JSON has no form for it.
    """
    return json.loads(json.dumps(value))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _names(scenes: list[str]) -> str:
    shown = ", ".join(f"'{scene}'" for scene in scenes[:_SHOWN])
    more = len(scenes) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _shorten(value: Any, length: int = 80) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= length else f"{text[:length]}…"
