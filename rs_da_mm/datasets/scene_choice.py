"""Which scenes of a data set are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rs_da_mm.datasets.layout import SceneLayout
from rs_da_mm.errors import DatasetError


def choose_scenes(
    scenes: str | Sequence[str] | None, lists: Mapping[str, Sequence[str]], layout: SceneLayout
) -> tuple[str, ...] | None:
    """Read what a config says about scenes.

    Args:
        scenes: Names, the name of a list, or ``None`` for all that are there.
        lists: The lists that have a name.
        layout: Where the scenes are. A miniature has fewer of them than the data set whose configs it runs, so a list stands for
            those that it has.

    Returns:
        Names, or ``None`` for all.

    Raises:
        DatasetError: When there is no such list, or a scene is named twice.
    """
    if scenes is None:
        return None
    if not isinstance(scenes, str):
        return _each_once(scenes)
    if scenes not in lists:
        known = ", ".join(map(repr, lists)) or "there is none"
        raise DatasetError(f"scenes is {scenes!r}; give names of scenes, or the name of a list ({known}).")
    if not layout.is_sample:
        return tuple(lists[scenes])
    there = set(layout.scene_names())
    return tuple(name for name in lists[scenes] if name in there) or None


def _each_once(scenes: Sequence[str]) -> tuple[str, ...]:
    twice = next((scene for scene in scenes if list(scenes).count(scene) > 1), None)
    if twice is not None or not scenes:
        why = f"'{twice}' is named twice" if scenes else "scenes is empty"
        raise DatasetError(f"{why}; name each scene once, or leave scenes out to take them all.")
    return tuple(scenes)
