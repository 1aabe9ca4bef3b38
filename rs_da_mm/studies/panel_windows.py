"""The few test windows that a study shows: which ones, their image and label, and what each method made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from numpy.typing import NDArray

from rs_da_mm.engine.hooks.prediction_panels import evenly_spread
from rs_da_mm.evaluation.samples import file_stem, plane
from rs_da_mm.raster import Scene
from rs_da_mm.registry import DATASETS
from rs_da_mm.studies.description import Panels
from rs_da_mm.studies.fields import StudyError, near_match
from rs_da_mm.studies.plan import Job
from rs_da_mm.studies.preparation import PREDICTIONS, Preparation
from rs_da_mm.studies.records import DONE, read_record


@dataclass(frozen=True)
class ShownWindow:
    """A window as it is shown.

    Attributes:
        name: Its scene and place.
        image: (H, W, bands), as the pipeline loaded it.
        label: (H, W) class numbers, where there are labels.
        valid: (H, W), 1 where there is data, where that is known.
        bands: Names of the bands, where they have some.
        predictions: (H, W) class numbers by method.
    """

    name: str
    image: NDArray[Any]
    label: NDArray[Any] | None
    valid: NDArray[Any] | None
    bands: tuple[str, ...] | None
    predictions: Mapping[str, NDArray[Any]]


class PanelWindows:
    """Chooses and reads the windows of a study's panels.

    Args:
        preparation: Knows the configs and folders.
        panels: What is to be shown.
    """

    def __init__(self, preparation: Preparation, panels: Panels | None) -> None:
        self.preparation = preparation
        self.panels = panels or Panels(1)
        self._datasets: dict[str, Any] = {}

    def indices(self, job: Job) -> list[int]:
        """Choose the samples of a job's test data: evenly spread over it, or over the scenes that the study names.

        Raises:
            StudyError: When a scene has no window in it.
        """
        dataset = self._dataset(job)
        places = list(range(len(dataset)))
        if self.panels.scenes:
            scenes = [str(dataset.get_data_info(place).get("scene")) for place in places]
            for wanted in self.panels.scenes:
                if wanted not in scenes:
                    raise StudyError(
                        f"{self.preparation.configs.study.file}: panels: scenes names '{wanted}', which the test data has not. "
                        f"{near_match(wanted, sorted(set(scenes)))}"
                    )
            places = [place for place, scene in zip(places, scenes, strict=True) if scene in self.panels.scenes]
        return [places[position] for position in sorted(evenly_spread(self.panels.count, len(places)))]

    def shown(self, jobs: list[Job]) -> tuple[list[ShownWindow], Mapping[str, Any]]:
        """Read the windows that some methods of one group have predicted.

        Args:
            jobs: Their panel jobs; those that are not done are passed over.

        Returns:
            The windows of the first method that is done, and the data set's ``classes`` and ``palette``.
        """
        done = [job for job in jobs if (record := read_record(self.preparation.folder(job))) is not None and record.state == DONE]
        if not done:
            return [], {}
        dataset = self._dataset(done[0])
        return [self._window(dataset[index], done) for index in self.indices(done[0])], dataset.metainfo

    def _window(self, packed: Mapping[str, Any], jobs: list[Job]) -> ShownWindow:
        sample = packed["data_samples"]
        fields = sample.to_dict()
        maps = {name: plane(fields[name]["data"]).numpy() for name in ("gt_sem_seg", "valid_mask") if name in fields}
        name = file_stem(sample.metainfo)
        predictions = {}
        for job in jobs:
            folder = self.preparation.folder(job) / PREDICTIONS
            found = next((path for path in (folder / f"{name}.tif", folder / f"{name}.png") if path.is_file()), None)
            if found is not None:
                predictions[job.method] = _classes(found)
        image = packed["inputs"].permute(1, 2, 0).numpy()
        label = maps.get("gt_sem_seg")
        if label is not None and label.shape != image.shape[:2]:
            label = None  # the pipeline resized the image alone, as mmseg does at test time
        return ShownWindow(name, image, label, maps.get("valid_mask"), sample.metainfo.get("bands"), predictions)

    def _dataset(self, job: Job) -> Any:
        if job.name not in self._datasets:
            config: Config = self.preparation.configs.config(job, self.preparation.values)
            init_default_scope(config.get("default_scope") or "mmengine")
            self._datasets[job.name] = DATASETS.build(config.test_dataloader.dataset)
        return self._datasets[job.name]


def _classes(path: Path) -> NDArray[Any]:
    return np.asarray(Scene(path).read()[..., 0])
