"""Reading the dicts of a study file: every key is taken out by name and type, and what is left over is refused."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from rs_da_mm.errors import InputError

Option = TypeVar("Option", bound=str)


class StudyError(InputError):
    """A study file, or what a study finds on the disk, cannot be used."""


class _Required:
    """Stands for "no default: the key must be there"."""


REQUIRED = _Required()


class Fields:
    """The keys of one dict of a study file.

    Args:
        content: The dict.
        where: What it is, for errors: the file, and the way to it, like ``study.py: methods[0]``.

    Raises:
        StudyError: When it is no dict; and from every method, when a value is not what it must be.
    """

    def __init__(self, content: Any, where: str) -> None:
        if not isinstance(content, Mapping):
            raise StudyError(f"{where} is {content!r}; expected a dict.")
        self.where = where
        self._left = dict(content)
        self._known: list[str] = []

    def has(self, name: str) -> bool:
        """Whether the key is there and is not None."""
        return self._left.get(name) is not None

    def text(self, name: str, default: str | _Required = REQUIRED) -> str:
        """Take a text that is not empty."""
        return cast(str, self._take(name, default, "a text", lambda value: isinstance(value, str) and bool(value.strip())))

    def optional_text(self, name: str) -> str | None:
        """Take a text, or None where the key is missing."""
        return self.text(name, "") or None

    def integer(self, name: str, default: int | _Required = REQUIRED, least: int = 0) -> int:
        """Take a whole number."""
        return cast(int, self._take(name, default, f"a whole number from {least} on", lambda value: _whole(value, least)))

    def optional_integer(self, name: str) -> int | None:
        """Take a whole number, or None where the key is missing."""
        found = self.integer(name, -1)
        return None if found < 0 else found

    def integers(self, name: str, default: tuple[int, ...] | _Required = REQUIRED) -> tuple[int, ...]:
        """Take a list of different whole numbers, or a single one."""
        found = self._take(name, default, "a list of different whole numbers", _different_integers)
        return (found,) if isinstance(found, int) else tuple(found)

    def flag(self, name: str, default: bool) -> bool:
        """Take True or False."""
        return cast(bool, self._take(name, default, "True or False", lambda value: isinstance(value, bool)))

    def choice(self, name: str, options: Iterable[Option], default: Option | _Required = REQUIRED) -> Option:
        """Take one of a few words."""
        allowed = tuple(options)
        return cast(Option, self._take(name, default, f"one of {', '.join(map(repr, allowed))}", lambda value: value in allowed))

    def texts(self, name: str, default: tuple[str, ...] | _Required = ()) -> tuple[str, ...]:
        """Take a list of texts, or a single one."""
        found = self._take(name, default, "a text or a list of texts", _texts)
        return (found,) if isinstance(found, str) else tuple(found)

    def mapping(self, name: str, default: Mapping[str, Any] | _Required | None = None) -> dict[str, Any]:
        """Take a dict whose keys are texts; an empty one where the key is missing, unless it is required."""
        fallback = {} if default is None else default
        found = self._take(name, fallback, "a dict whose keys are texts", _text_keys)
        return dict(cast(Mapping[str, Any], found))

    def mappings(self, name: str) -> dict[str, dict[str, Any]]:
        """Take a dict of dicts; an empty one where the key is missing."""
        found = self.mapping(name)
        inner = Fields(found, f"{self.where}: {name}")
        return {key: inner.mapping(key) for key in found}

    def items(self, name: str, default: tuple[Any, ...] | _Required = ()) -> list[Any]:
        """Take a list."""
        return list(self._take(name, default, "a list", lambda value: isinstance(value, list | tuple)))

    def anything(self, name: str, default: Any = None) -> Any:
        """Take whatever is there."""
        return self._take(name, default, "anything", lambda value: True)

    def fail(self, name: str, value: Any, expected: str) -> StudyError:
        """Make the error of a value that cannot be meant so."""
        return StudyError(f"{self.where}: {name} is {value!r}; expected {expected}.")

    def finish(self) -> None:
        """Refuse what nobody asked for.

        Raises:
            StudyError: Naming the first unknown key, and the known one that is nearest to it.
        """
        for name in self._left:
            raise StudyError(f"{self.where}: there is no key '{name}'. {near_match(str(name), sorted(set(self._known)))}")

    def _take(self, name: str, default: Any, expected: str, fits: Any) -> Any:
        self._known.append(name)
        if self._left.get(name) is None:
            self._left.pop(name, None)
            if isinstance(default, _Required):
                near = difflib.get_close_matches(name, [key for key in self._left if isinstance(key, str)], n=1)
                hint = f" There is a '{near[0]}': is it meant?" if near else ""
                raise StudyError(f"{self.where}: the key '{name}' is missing; expected {expected}.{hint}")
            return default
        value = self._left.pop(name)
        if not fits(value):
            raise self.fail(name, value, expected)
        return value


def near_match(name: str, known: Iterable[str]) -> str:
    """Say what was probably meant by an unknown name, or what there is."""
    names = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.casefold(), names, n=1)
    return f"Did you mean '{names[near[0]]}'?" if near else f"There is: {', '.join(names.values()) or 'nothing'}."


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _different_integers(value: Any) -> bool:
    if _whole(value, 0):
        return True
    return isinstance(value, list | tuple) and all(_whole(one, 0) for one in value) and 0 < len(value) == len(set(value))


def _texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list | tuple) and all(isinstance(one, str) for one in value))


def _text_keys(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
