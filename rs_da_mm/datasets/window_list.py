"""The samples of a data set as a few arrays: a hundred thousand windows in a few megabytes."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, SupportsIndex, overload

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.raster import Window


class WindowList(Sequence[dict[str, Any]]):
    """Samples, each of which is a window of a scene.

    A sample's dict is made when it is asked for, from the record of its scene, and is new every time: a pipeline may change it as
    it likes. The list itself never changes, so slices and copies share its arrays, and so do forked worker processes.

    Args:
        records: What all samples of a scene share, per scene.
        windows: The windows of each scene; samples come scene by scene.

    Raises:
        ValueError: When there is not one list of windows per scene.
    """

    def __init__(self, records: Sequence[Mapping[str, Any]], windows: Sequence[Sequence[Window]]) -> None:
        if len(records) != len(windows):
            raise ValueError(f"{len(records)} scenes and windows of {len(windows)}; expected as many of one as of the other")
        # Pickled, as mmengine keeps its samples: what is loaded shares nothing with what was loaded before.
        self._records = tuple(pickle.dumps(dict(record), protocol=pickle.HIGHEST_PROTOCOL) for record in records)
        self._scenes = np.repeat(np.arange(len(records), dtype=np.int32), [len(placed) for placed in windows])
        boxes = [np.array(placed, dtype=np.int32).reshape(-1, 4) for placed in windows]
        self._boxes = np.concatenate([np.zeros((0, 4), dtype=np.int32), *boxes])

    def __len__(self) -> int:
        return len(self._scenes)

    @overload
    def __getitem__(self, index: SupportsIndex) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> WindowList: ...

    def __getitem__(self, index: SupportsIndex | slice) -> dict[str, Any] | WindowList:
        if isinstance(index, slice):
            return self._with(self._scenes[index], self._boxes[index])
        place = index.__index__()
        sample: dict[str, Any] = pickle.loads(self._records[self._scenes[place]])
        sample["window"] = tuple(self._boxes[place].tolist())
        return sample

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WindowList) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __copy__(self) -> WindowList:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> WindowList:
        return self

    def __repr__(self) -> str:
        return f"WindowList({len(self)} windows of {len(self._records)} scenes)"

    def take(self, places: Sequence[int] | NDArray[np.integer[Any]]) -> WindowList:
        """Some of the samples.

        Args:
            places: Their places, in any order, any of them more than once; negative ones count from the end.

        Raises:
            IndexError: When there is no such sample.
        """
        chosen = np.asarray(places, dtype=np.int64)
        return self._with(self._scenes[chosen], self._boxes[chosen])

    def scene_places(self) -> NDArray[np.int32]:
        """``(n,)`` place of each sample's scene in the list of scenes."""
        return self._scenes.copy()

    def boxes(self) -> NDArray[np.int32]:
        """``(n, 4)`` row, column, height and width of each window."""
        return self._boxes.copy()

    def record(self, scene: int) -> dict[str, Any]:
        """What all samples of a scene share, by its place in the list of scenes."""
        record: dict[str, Any] = pickle.loads(self._records[scene])
        return record

    def _with(self, scenes: NDArray[np.int32], boxes: NDArray[np.int32]) -> WindowList:
        made = object.__new__(WindowList)
        made._records, made._scenes, made._boxes = self._records, scenes, boxes
        return made
