"""Which data sets a check is asked for: those of a config, or one by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rs_da_mm.datasets.base import SceneWindowDataset
from rs_da_mm.datasets.splits import PARTS
from rs_da_mm.errors import DatasetError
from rs_da_mm.registry import DATASETS


def datasets_of_config(
    config: Mapping[str, Any], part: str = "all", data_root: str | None = None
) -> dict[str, SceneWindowDataset]:
    """Make the data sets of a config's data loaders, without their pipelines.

    Args:
        config: The config.
        part: ``'train'``, ``'val'``, ``'test'``, or ``'all'`` for those that the config has.
        data_root: Where the data is, in place of what the config says.

    Returns:
        Data sets that read nothing yet, by the name of their part; numbered from the second one on, where a loader joins several.

    Raises:
        DatasetError: When the config has no such data set, or has one that is not made of scenes.
    """
    moved = {} if data_root is None else {"data_root": data_root}
    wanted = PARTS if part == "all" else (part,)
    found: dict[str, SceneWindowDataset] = {}
    for name in wanted:
        loader = config.get(f"{name}_dataloader")
        for place, described in enumerate(_inner(loader["dataset"]) if loader else ()):
            found[name if place == 0 else f"{name}-{place + 1}"] = make_dataset({**described, **moved})
    if not found:
        keys = ", ".join(f"{name}_dataloader" for name in wanted)
        raise DatasetError(f"The config has no {keys}, so there is no data set to check.")
    return found


def make_dataset(config: Mapping[str, Any]) -> SceneWindowDataset:
    """Make a data set that reads nothing yet.

    Args:
        config: Its type and arguments; the pipeline is left out.

    Returns:
        The data set.

    Raises:
        DatasetError: When there is no such data set, or it is not one made of scenes.
    """
    name = str(config.get("type"))
    described = {key: value for key, value in config.items() if key not in ("type", "pipeline", "lazy_init")}
    kind = config["type"] if isinstance(config.get("type"), type) else DATASETS.get(name)
    if not (isinstance(kind, type) and issubclass(kind, SceneWindowDataset)):
        raise DatasetError(f"'{name}' is not one of the data sets that can be checked: {', '.join(_checkable())}.")
    try:
        return kind(**described, lazy_init=True)
    except TypeError as error:
        raise DatasetError(f"{name}: {error}") from error


def _inner(dataset: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The data sets inside wrappers that join or repeat them."""
    if "datasets" in dataset:
        for one in dataset["datasets"]:
            yield from _inner(one)
    elif isinstance(dataset.get("dataset"), Mapping):
        yield from _inner(dataset["dataset"])
    else:
        yield dataset


def _checkable() -> list[str]:
    return sorted(
        name for name, kind in DATASETS.module_dict.items() if isinstance(kind, type) and issubclass(kind, SceneWindowDataset)
    )
