"""The config that a run really gets: a config file, the overrides of every level, and the seed."""

from __future__ import annotations

import copy
import pprint
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from mmengine.config import Config

from rs_da_mm.engine.command_line import RUNNER_KEYS
from rs_da_mm.files import atomic_write_text
from rs_da_mm.studies.description import Overrides
from rs_da_mm.studies.fields import StudyError, near_match

_LOADERS = ("train_dataloader", "val_dataloader", "test_dataloader")
_HOOK_MODULE = "rs_da_mm.studies.budget_hook"


def effective_config(path: Path, layers: Sequence[Overrides], seed: int | None, where: str) -> Config:
    """Put a training's config together.

    Args:
        path: The config file.
        layers: Overrides as ``--cfg-options`` has them, ``{'train_cfg.max_epochs': 2}``; a later layer wins.
        seed: Of the training; the config's own where None.
        where: What this is for, in errors.

    Returns:
        The config, with a hook that counts what the training is fed.

    Raises:
        StudyError: When the config cannot be read, or an override names no setting.
    """
    config = copy.deepcopy(_read(path, where))
    for overrides in layers:
        _override(config, overrides, where)
    if seed is not None:
        config.merge_from_dict({"randomness.seed": seed})
    return config


def with_budget_hook(config: Config) -> Config:
    """Add the hook that counts what a training is fed (:class:`~rs_da_mm.studies.budget_hook.TrainingBudgetHook`)."""
    counted = copy.deepcopy(config)
    counted.merge_from_dict({"default_hooks.training_budget": {"type": "TrainingBudgetHook"}})
    imports = (config.get("custom_imports") or {}).get("imports") or []
    listed = [imports] if isinstance(imports, str) else list(imports)
    counted["custom_imports"] = {**(config.get("custom_imports") or {}), "imports": [*listed, _HOOK_MODULE]}
    return counted


def config_of_test(config: Config, part: str, overrides: Overrides, where: str) -> Config:
    """Make the config of a test from that of the training.

    Args:
        config: The training's.
        part: ``'test'``, or ``'val'`` to evaluate on the validation data with the validation's metric.
        overrides: For this test alone.
        where: What this is for, in errors.

    Returns:
        The config.

    Raises:
        StudyError: When the config has no such part.
    """
    tested = copy.deepcopy(config)
    if part == "val":
        tested["test_dataloader"], tested["test_evaluator"] = tested.get("val_dataloader"), tested.get("val_evaluator")
        tested["test_cfg"] = tested.get("test_cfg") or {"type": "TestLoop"}
    _override(tested, overrides, where)
    for key in ("test_dataloader", "test_evaluator", "test_cfg"):
        if tested.get(key) is None:
            raise StudyError(
                f"{where}: the config has no {key.replace('test', part)}, so it cannot be tested. Add it to the config."
            )
    return tested


def data_roots(config: Mapping[str, Any], loaders: Sequence[str] = _LOADERS) -> list[str]:
    """List the ``data_root`` of every data set of a config, wrapped ones too, each once."""
    return list(dict.fromkeys(root for name in loaders for root in _roots((config.get(name) or {}).get("dataset"))))


def plain(value: Any) -> Any:
    """Give a config's value the form that it has after a round trip through JSON; classes become their names."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return _name(value)


def write_config(config: Config, path: Path) -> None:
    """Write a config as a ``.py`` file that reads back the same, one line of Python per key at the least."""
    lines = [f"{key} = {pprint.pformat(_named(value), width=120, sort_dicts=False)}" for key, value in config.to_dict().items()]
    atomic_write_text(path, "# Made by tools/compare.py, from a config and the overrides of a study.\n" + "\n".join(lines) + "\n")


def _read(path: Path, where: str) -> Config:
    try:
        return _read_once(path, path.stat().st_mtime_ns)
    except Exception as error:
        raise StudyError(f"{where}: {path} cannot be read as a config: {type(error).__name__}: {error}") from error


@lru_cache(maxsize=256)
def _read_once(path: Path, changed: int) -> Config:
    return Config.fromfile(str(path))


def _override(config: Config, overrides: Overrides, where: str) -> None:
    known = [*config.keys(), *RUNNER_KEYS]
    for key in overrides:
        top = key.partition(".")[0]
        if top not in known:
            raise StudyError(
                f"{where}: the override '{key}' names a setting that neither config nor runner has. {near_match(top, known)}"
            )
    try:
        config.merge_from_dict(copy.deepcopy(dict(overrides)))
    except (KeyError, TypeError, AssertionError) as error:
        raise StudyError(f"{where}: the overrides {', '.join(overrides)} do not fit the config: {error}") from error


def _roots(dataset: Any) -> Iterator[str]:
    """Walk a data set's config and those that it wraps."""
    if isinstance(dataset, Mapping):
        root = dataset.get("data_root")
        if isinstance(root, str):
            yield root
        for key in ("dataset", "datasets"):
            yield from _roots(dataset.get(key))
    elif isinstance(dataset, list | tuple):
        for one in dataset:
            yield from _roots(one)


def _named(value: Any) -> Any:
    """Replace classes and functions by their names, which the registries know as well."""
    if isinstance(value, Mapping):
        return {key: _named(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_named(inner) for inner in value)
    return _name(value) if isinstance(value, type) or callable(value) else value


def _name(value: Any) -> str:
    if isinstance(value, type) or callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)
