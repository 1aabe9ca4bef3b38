"""What a split may want to know about scenes beyond their windows, found out when it is asked for and not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.datasets.split_draws import WindowKey
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window
from rs_da_mm.raster.ground_plane import Placement


def _nothing() -> dict[str, NDArray[np.int64]]:
    raise DatasetError("Nothing is known of the classes in these windows, so that no split can be stratified.")


@dataclass(frozen=True)
class SplitFacts:
    """Where scenes lie, which groups they belong to, what their windows hold.

    Attributes:
        placements: Gives where each scene lies; ``None`` for a scene that does not say so.
        groups: Value of each group of each scene, by name: ``{'a': {'city': 'zurich'}}``.
        pixels: Gives per scene ``(windows, classes)`` pixels of each class.
        classes: Names of the classes.
    """

    placements: Callable[[], Mapping[str, Placement | None]] = dict
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pixels: Callable[[], Mapping[str, NDArray[np.int64]]] = _nothing
    classes: tuple[str, ...] = ()

    def group_of(self, by: str, scenes: Sequence[str]) -> dict[str, str]:
        """The group of each scene.

        Args:
            by: Which group: ``'city'``.
            scenes: The scenes.

        Raises:
            DatasetError: When a scene has no such group; it names the groups that there are.
        """
        lost = [scene for scene in scenes if by not in self.groups.get(scene, {})]
        if lost:
            known = sorted({name for groups in self.groups.values() for name in groups})
            there = f"there are {', '.join(map(repr, known))}" if known else "the scenes have none"
            raise DatasetError(
                f"The split goes by {by!r}, but scene '{lost[0]}' has no such group ({there}). Name it in the pattern of the "
                f"images, such as images='{{{by}}}/{{scene}}.tif', or as a column of the list of scenes."
            )
        return {scene: self.groups[scene][by] for scene in scenes}


def class_shares(
    windows: Mapping[str, Sequence[Window]], parts: Mapping[str, Sequence[WindowKey]], pixels: Mapping[str, NDArray[np.int64]]
) -> dict[str, list[float]]:
    """Work out the share of each class in each part, and in all windows together.

    Args:
        windows: The windows of each scene.
        parts: The windows of each part.
        pixels: Per scene ``(windows, classes)`` pixels of each class.

    Returns:
        Per part, and for ``'all'``, the share (0 to 1) of each class in the labelled pixels.
    """
    count_of = {
        WindowKey(scene, window.row, window.col): pixels[scene][place]
        for scene, placed in windows.items()
        for place, window in enumerate(placed)
    }
    wanted = {**{part: keys for part, keys in parts.items() if keys}, "all": list(count_of)}
    sums = {part: np.sum([count_of[key] for key in keys], axis=0) for part, keys in wanted.items()}
    return {part: (counts / max(int(counts.sum()), 1)).tolist() for part, counts in sums.items()}
