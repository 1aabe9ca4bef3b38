"""Patterns of file names with named parts: ``images/{city}_{date}.tif``."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rs_da_mm.errors import DatasetError

_TOKEN = re.compile(r"\{(?P<field>\w+)\}|(?P<deep>\*\*/)|(?P<any>\*)|(?P<one>\?)")
_SIDECARS = re.compile(
    r".*\.(aux\.xml|xml|ovr|msk|(tf|jg|jp|pg|pn|gf|bp|j2|sd)w|(tif|jpe?g|png)w|wld|prj|rrd|hdr|qml|qgz|qix|geojson|json|gpkg|shp|"
    r"shx|dbf|cpg|laz|las|txt|csv|md|pdf|html?|zip|lock|tmp|log|npy|npz|py)",
    re.IGNORECASE,
)


def is_sidecar(path: Path) -> bool:
    """Tell by its name whether a file that lies beside images is none: metadata, overviews, world files, notes, vectors."""
    return _SIDECARS.fullmatch(path.name) is not None


@dataclass(frozen=True)
class FilePattern:
    """A pattern of file names.

    ``{name}`` stands for a part of a name (in one folder), ``*`` for any such part, ``?`` for one letter, ``**/`` for any
    folders. A field that comes twice is the same both times. Of several fields side by side the earlier ones are as short as they
    can be: of ``{city}_{date}``, ``new_york_2020`` makes ``new`` and ``york_2020``.

    Attributes:
        text: The pattern, folders parted by ``/``; relative to the data set's folder, or absolute.
    """

    text: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields, each once, in their order."""
        return tuple(dict.fromkeys(match["field"] for match in _TOKEN.finditer(self.text) if match["field"]))

    @property
    def is_fixed(self) -> bool:
        """Whether it names one file, with neither fields nor wildcards."""
        return _TOKEN.search(self.text) is None

    def find(self, root: Path) -> list[tuple[dict[str, str], Path]]:
        """List the files that fit; hidden files do not.

        Args:
            root: The data set's folder.

        Returns:
            Value of each field, and the file; in the order of the paths.
        """
        if self.is_fixed:
            path = root / self.text
            return [({}, path)] if path.is_file() else []
        base, rest = self._base(root)
        asked = "".join(_globbed(match, text) for match, text in _tokens(rest))
        spelled = _expression(rest)
        found = []
        for path in base.glob(asked):
            name = path.relative_to(base).as_posix()
            match = spelled.fullmatch(name)
            if match is not None and not _is_hidden(name) and path.is_file():
                found.append((match.groupdict(), path))
        return sorted(found, key=lambda pair: pair[1].as_posix())

    def fill(self, root: Path, fields: Mapping[str, str]) -> list[Path]:
        """List the files that fit, with the fields known.

        Args:
            root: The data set's folder.
            fields: Value of each field.

        Returns:
            The files that are there; one at most where the pattern has no wildcards.

        Raises:
            DatasetError: When the pattern has a field without a value.
        """
        missing = [name for name in self.fields if name not in fields]
        if missing:
            known = ", ".join(f"{{{name}}}" for name in fields) or "none"
            raise DatasetError(f"'{self.text}' has the field {{{missing[0]}}}, and the images' names give {known}.")
        if "*" not in self.text and "?" not in self.text:
            path = root / _TOKEN.sub(lambda match: fields[match["field"]], self.text)
            return [path] if path.exists() else []
        filled = _TOKEN.sub(lambda match: glob.escape(fields[match["field"]]) if match["field"] else match[0], self.text)
        base, rest = FilePattern(filled)._base(root)
        return sorted(path for path in base.glob(rest) if not _is_hidden(path.relative_to(base).as_posix()) and path.is_file())

    def spelled(self, fields: Mapping[str, str]) -> str:
        """The pattern with the fields that are known, for messages."""
        return _TOKEN.sub(lambda match: fields.get(match["field"], match[0]) if match["field"] else match[0], self.text)

    def _base(self, root: Path) -> tuple[Path, str]:
        """The folder up to the first wildcard, and the rest of the pattern."""
        parts = self.text.replace(os.sep, "/").split("/")
        fixed = next((place for place, part in enumerate(parts) if _TOKEN.search(f"{part}/")), len(parts) - 1)
        folder = "/".join(parts[:fixed])
        return (root / f"{folder}/" if folder or self.text.startswith("/") else root), "/".join(parts[fixed:])


def _tokens(text: str) -> list[tuple[re.Match[str] | None, str]]:
    """The wildcards of a pattern, and the text between them."""
    found: list[tuple[re.Match[str] | None, str]] = []
    end = 0
    for match in _TOKEN.finditer(text):
        found += [(None, text[end : match.start()]), (match, match[0])]
        end = match.end()
    return [*found, (None, text[end:])]


def _globbed(match: re.Match[str] | None, text: str) -> str:
    if match is None:
        return glob.escape(text)
    return "*" if match["field"] else text


def _expression(text: str) -> re.Pattern[str]:
    known: set[str] = set()
    parts = []
    for match, spelled in _tokens(text):
        if match is None:
            parts.append(re.escape(spelled))
        elif match["field"]:
            name = match["field"]
            parts.append(f"(?P={name})" if name in known else f"(?P<{name}>[^/]+?)")
            known.add(name)
        else:
            parts.append("(?:.*/)?" if match["deep"] else "[^/]*" if match["any"] else "[^/]")
    return re.compile("".join(parts))


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))
