"""From a layout on the disk to the windows of one part: find, measure, lay out, leave out the unknown, split."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log
from numpy.typing import NDArray

from rs_da_mm.datasets.band_choice import require_alike
from rs_da_mm.datasets.headers import read_headers
from rs_da_mm.datasets.label_code import LabelCode
from rs_da_mm.datasets.layout import SceneLayout
from rs_da_mm.datasets.progress_bar import track
from rs_da_mm.datasets.provenance import Provenance, plain
from rs_da_mm.datasets.split_draws import WindowKey
from rs_da_mm.datasets.split_facts import SplitFacts
from rs_da_mm.datasets.split_file import load_or_draw, read_split
from rs_da_mm.datasets.split_spec import Split, SplitSpec
from rs_da_mm.datasets.window_index import WindowIndex, load_or_count
from rs_da_mm.datasets.window_scheme import PlacedScene, WindowScheme
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import scene_fingerprint
from rs_da_mm.raster.ground_plane import Placement

_WHOLLY = 0.999999
"""Share of unknown pixels above which a window of any usual size has no labelled one."""

ALL = "all"
"""The part that takes the windows of every part."""


@dataclass(frozen=True)
class WindowSelection:
    """Which windows of a data set are used.

    Attributes:
        layout: Where the files are.
        scheme: How windows are laid over a scene.
        code: The legend of the labels.
        classes: How many classes there are.
        scenes: Names of scenes; ``None`` for all.
        max_ignored: Largest share of unknown pixels in a window, 0 to 1.
        split: How windows are divided; ``None`` for not at all, or as ``split_file`` says.
        split_file: Where the split is kept; ``None`` for a name in ``cache_dir`` that tells its settings.
        cache_dir: Where headers, class counts and splits are kept.
        numbered_patches: Each image is a patch of a larger scene, and their names count along it.
        class_names: Names of the classes, for what is said about a split.
    """

    layout: SceneLayout
    scheme: WindowScheme
    code: LabelCode
    classes: int
    scenes: tuple[str, ...] | None
    max_ignored: float
    split: SplitSpec | None
    split_file: Path | None
    cache_dir: Path
    numbered_patches: bool = False
    class_names: tuple[str, ...] = ()

    def place(self) -> list[PlacedScene]:
        """Find the scenes and lay windows over them; what was found once is given again.

        Raises:
            DatasetError: When a scene is missing or incomplete, a label does not lie on its image, scenes differ in bands, or
                none is large enough for a window.
            RasterError: When a file cannot be opened.
        """
        return self._placed

    @cached_property
    def _placed(self) -> list[PlacedScene]:
        files = self.layout.find(self.scenes)
        headers = read_headers(files, self.cache_dir / "headers.json")
        placed = [
            PlacedScene(scene, header, self.scheme.grid(scene, header))
            for scene, header in zip(files, headers, strict=True)
            if header.labelled
        ]
        require_alike(placed)
        if not any(scene.windows for scene in placed):
            largest = max(headers)
            raise DatasetError(
                f"No scene of '{self.layout.root}' has a window of {self.scheme.size}: the largest is {largest.height} x "
                f"{largest.width} pixels. Take a smaller window_size, or edge='pad'."
            )
        return placed

    def select(self, part: str) -> tuple[list[PlacedScene], Provenance]:
        """Choose the windows of a part.

        Args:
            part: ``'train'``, ``'val'``, ``'test'`` or ``'all'``.

        Returns:
            The scenes with the windows chosen in each, and what the choice was made from.

        Raises:
            DatasetError: As :meth:`place`; and when nothing is left, or the split does not fit or cannot be written.
            RasterError: When a file cannot be read.
        """
        everywhere = self.place()
        keeps = self._known_enough(everywhere)
        placed = everywhere if keeps is None else _keep(everywhere, keeps)
        if self.split is None and self.split_file is None:
            return placed, self._provenance(placed, **{**self._choice(), **self._legend()}, part=ALL)
        split = self._load_split(placed, self._facts(placed, keeps))
        members = set().union(*split.parts.values()) if part == ALL else split.part(part)
        chosen = _filter(placed, lambda scene, window: WindowKey(scene.files.scene, window.row, window.col) in members)
        drawn = scene_fingerprint(self.split_file or ()) if self.split is None else self.split.parameters()
        return chosen, self._provenance(placed, **{**self._choice(), **self._legend()}, split=drawn, part=part)

    def index(self, placed: Sequence[PlacedScene]) -> WindowIndex:
        """Count the classes of all windows, or take the counts from the cache; ``placed`` is what :meth:`place` gave."""
        now = self._provenance(placed, **self._legend())
        path = self.cache_dir / f"class-counts_{now.short_name}.npz"
        return load_or_count(path, placed, self.code, self.classes, now)

    @cached_property
    def _index(self) -> WindowIndex:
        return self.index(self._placed)

    def counts_of(self, samples: Iterable[Mapping[str, Any]]) -> NDArray[np.int64]:
        """Count the pixels of each class in samples, or take the counts from the cache.

        Args:
            samples: Samples of the data set: their ``scene``, and their ``window`` in the grid.

        Returns:
            ``(samples, classes + 1)``; the last column counts ignored pixels, and those outside the scene.

        Raises:
            DatasetError: As :meth:`place`; and when a label is unknown, or the counts cannot be written.
            RasterError: When a label cannot be read.
        """
        placed = self.place()
        every = ((scene.files.scene, window.row, window.col) for scene in placed for window in scene.windows)
        row_of = {key: row for row, key in enumerate(every)}
        corners = ((sample["scene"], sample["window"]) for sample in samples)
        return self._index.counts[[row_of[scene, window[0], window[1]] for scene, window in corners]]

    def _known_enough(self, placed: list[PlacedScene]) -> NDArray[np.bool_] | None:
        """Which windows are not left out for want of labels; ``None`` when that is no question."""
        area = any(scene.files.reading.area is not None for scene in placed)
        if self.max_ignored == 1 and not area:
            return None
        index = self._index
        keeps = index.keeps(self.max_ignored)
        if area:
            keeps &= index.counts[:, :-1].any(axis=1)
        wholly = self.max_ignored > _WHOLLY
        unknown = ["unknown throughout" if wholly else f"unknown by more than max_ignored={self.max_ignored}"]
        why = " or ".join(unknown * (self.max_ignored < 1) + ["without a label inside the area of interest"] * area)
        after, before = int(keeps.sum()), len(keeps)
        if not after:
            raise DatasetError(f"Each of the {before} windows of '{self.layout.root}' is {why}.")
        if after < before:
            print_log(f"{before - after} of {before} windows are left out: each is {why}.", "current", logging.INFO)
        return keeps

    def _facts(self, placed: Sequence[PlacedScene], keeps: NDArray[np.bool_] | None) -> SplitFacts:
        def placements() -> dict[str, Placement | None]:
            scenes = [scene.files for scene in placed if scene.windows]
            return {files.scene: Placement.of(files.image()) for files in track(scenes, "Placing scenes on the ground")}

        def pixels() -> dict[str, NDArray[np.int64]]:
            counts = self._index.counts[:, :-1]
            counts = counts if keeps is None else counts[keeps]
            ends = np.cumsum([len(scene.windows) for scene in placed])
            return dict(zip((scene.files.scene for scene in placed), np.split(counts, ends[:-1]), strict=True))

        groups = {scene.files.scene: dict(scene.files.groups) for scene in placed}
        return SplitFacts(placements, groups, pixels, self.class_names)

    def _load_split(self, placed: list[PlacedScene], facts: SplitFacts) -> Split:
        windows = {scene.files.scene: scene.windows for scene in placed}
        if self.split is not None:
            now = self._provenance(placed, **self._choice(), split=self.split.parameters())
            path = self.split_file or self.cache_dir / f"{self.split.name}_{now.short_name}.json"
            return load_or_draw(path, self.split, windows, self.scheme.steps, now, self.numbered_patches, facts)
        assert self.split_file is not None
        return read_split(self.split_file, self._provenance(placed, **self._choice()), windows)

    def _provenance(self, placed: Sequence[PlacedScene], **settings: Any) -> Provenance:
        """The settings and files that a choice of windows depends on, and further settings."""
        parameters = {
            **self.scheme.parameters(),
            **self.layout.parameters(),
            "scenes": None if self.scenes is None else sorted(self.scenes),
            **settings,
        }
        return Provenance(plain(parameters), {scene.files.scene: scene.files.fingerprint() for scene in placed})

    def _choice(self) -> dict[str, Any]:
        """The settings that leave windows out; the legend is one of them as soon as it says which pixels are unknown."""
        return {"max_ignored": self.max_ignored, **(self._legend() if self.max_ignored < 1 else {})}

    def _legend(self) -> dict[str, Any]:
        return {"classes": self.classes, "legend": repr(self.code)}


def _filter(placed: Sequence[PlacedScene], wanted: Callable[[PlacedScene, Any], bool]) -> list[PlacedScene]:
    return [replace(scene, windows=[window for window in scene.windows if wanted(scene, window)]) for scene in placed]


def _keep(placed: Sequence[PlacedScene], keeps: NDArray[np.bool_]) -> list[PlacedScene]:
    flags = iter(keeps.tolist())
    return _filter(placed, lambda _scene, _window: next(flags))
