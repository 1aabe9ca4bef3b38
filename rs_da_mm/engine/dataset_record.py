"""What a data set is, in plain data: for checkpoints and published weights."""

from __future__ import annotations

import logging
import statistics
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.logging import print_log

from rs_da_mm.datasets.base import SceneWindowDataset
from rs_da_mm.datasets.provenance import plain
from rs_da_mm.datasets.transforms import LoadRaster
from rs_da_mm.raster import pixel_size

_SCENES = 8
"""How many scenes are opened to find out how large their pixels are: a data set may have thousands."""


def describe_datasets(dataset: Any) -> list[dict[str, Any]]:
    """Describe a data set, or each of those that wrappers join.

    Args:
        dataset: A data set, in any number of wrappers with ``dataset`` or ``datasets``. A lazy one is initialised.

    Returns:
        For each: ``type``, ``length``, ``classes`` (``None`` without), ``fingerprint`` of its files (``None`` for data sets of
        other packages). For ours also ``parameters``, the settings that chose its windows; ``scenes``, how many there are;
        ``bands``, what the pipeline loads (``choice``, numbers counted from 1 or names, ``None`` for all image bands; ``names``,
        empty where nobody named them; ``count``; ``dtype`` of the files); ``pixel_size``, see :func:`training_pixel_size`; and
        ``miniature``, whether it is synthetic.
    """
    return [_describe(part) for part in _walk(dataset)]


def _walk(dataset: Any) -> Iterator[Any]:
    parts = getattr(dataset, "datasets", None)
    inner = getattr(dataset, "dataset", None)
    if isinstance(parts, list | tuple):
        for part in parts:
            yield from _walk(part)
    elif inner is not None:
        yield from _walk(inner)
    else:
        yield dataset


def _describe(dataset: Any) -> dict[str, Any]:
    metainfo = getattr(dataset, "metainfo", None)
    classes = metainfo.get("classes") if isinstance(metainfo, Mapping) else None
    record: dict[str, Any] = {
        "type": type(dataset).__name__,
        "length": len(dataset) if hasattr(dataset, "__len__") else None,
        "classes": None if classes is None else [str(name) for name in classes],
        "fingerprint": None,
    }
    # A subclass that lists its samples itself leaves no provenance.
    if not isinstance(dataset, SceneWindowDataset) or not dataset.provenance.scenes:
        return record
    record.update(
        fingerprint=dataset.provenance.fingerprint,
        parameters=plain(dataset.provenance.parameters),
        scenes=len(dataset.provenance.scenes),
        miniature=dataset.layout.is_sample,
    )
    try:
        record.update(bands=_bands(dataset), pixel_size=training_pixel_size(dataset))
    except Exception as error:  # a run must not end for want of its record, whatever a loader or data set of somebody's raises
        print_log(f"The record of {record['type']} leaves bands and pixel size open: {error}", "current", logging.WARNING)
        record.update(bands=None, pixel_size=None)
    return record


def _bands(dataset: SceneWindowDataset) -> dict[str, Any] | None:
    """What the pipeline's loader makes of the first sample."""
    loader = next((step for step in dataset.pipeline.transforms if isinstance(step, LoadRaster)), None)
    if loader is None or len(dataset) == 0:
        return None
    sample = dataset.get_data_info(0)
    choice = sample.get("band_indices") if loader.bands is None else loader.bands
    if loader.bands is not None:  # the data set's names are those of its own choice
        sample.pop("bands", None)
    loaded = loader.transform(sample)
    return {
        "choice": None if choice is None else list(choice),
        "names": [str(name) for name in loaded.get("bands", ())],
        "count": int(loaded["img"].shape[-1]),
        "dtype": str(loaded["img"].dtype),
    }


def training_pixel_size(dataset: SceneWindowDataset) -> dict[str, Any] | None:
    """Measure the pixels of a data set's scenes.

    Args:
        dataset: A data set that is ready to be read.

    Returns:
        ``width`` and ``height``, the medians over up to eight scenes that are spread evenly; ``unit``, ``'metre'`` where the
        CRS is projected; and ``range``, the smallest and the largest of all widths and heights. ``None`` when the scenes have no
        grid, or count in different units.

    Raises:
        InputError: When a scene cannot be opened.
    """
    names = sorted(dataset.provenance.scenes)
    count = min(_SCENES, len(names))
    chosen = [names[(2 * place + 1) * len(names) // (2 * count)] for place in range(count)]
    sizes = [pixel_size(scene.image()) for scene in dataset.layout.find(chosen)]
    known = [size for size in sizes if size is not None]
    if len(known) < len(sizes) or len({size.unit for size in known}) != 1:
        return None
    both = [value for size in known for value in (size.width, size.height)]
    return {
        "width": statistics.median(size.width for size in known),
        "height": statistics.median(size.height for size in known),
        "unit": known[0].unit,
        "range": [min(both), max(both)],
    }
