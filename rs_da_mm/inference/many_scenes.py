"""Mapping many scenes: those that are done are passed over, one that fails does not keep the others from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from rs_da_mm.errors import InputError
from rs_da_mm.inference.inputs import SceneInput
from rs_da_mm.inference.ranks import Ranks
from rs_da_mm.inference.resumable.output_lock import OutputInUseError

Outcome = Literal["made", "there", "stopped"]


class MapScene(Protocol):
    """Maps one scene; what it returns says whether the map was made now or was there already."""

    def __call__(self, scene: SceneInput, out: Path) -> Outcome:
        """Map a scene.

        Args:
            scene: The scene.
            out: Where its map goes.
        """


@dataclass
class Tidings:
    """What became of the scenes.

    Attributes:
        made: Names of those whose map was made.
        there: Names of those whose map was there already.
        failed: Names of those without a map, each with the reason.
        busy: Names of those that were passed over since another process was at them, each with what was said.
        stopped: Whether the run was stopped before it was through.
    """

    made: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    busy: dict[str, str] = field(default_factory=dict)
    stopped: bool = False


def map_path(scene: SceneInput, out: Path) -> Path:
    """Tell where a scene's map goes: to a file if ``out`` is named like one, otherwise into the folder ``out``."""
    return out if names_a_file(out) else out / f"{scene.name}.tif"


def names_a_file(out: Path) -> bool:
    """Whether a path is meant for one map rather than a folder of them."""
    return out.suffix.lower() in (".tif", ".tiff") and not out.is_dir()


def map_scenes(
    map_scene: MapScene, scenes: Sequence[SceneInput], out: Path, ranks: Ranks | None = None, tell: Callable[[str], None] = print
) -> Tidings:
    """Map scenes one after the other.

    Ranks need not be told who does what: each begins at another place, and passes over what another one is at. A rank that has
    nothing left is done. What an :class:`~rs_da_mm.errors.InputError` says concerns its scene; any other error ends the run.

    Args:
        map_scene: Maps one.
        scenes: The scenes; the same on all ranks.
        out: A file for one scene, a folder for many.
        ranks: Which of several processes this is.
        tell: Takes a sentence about each of several scenes that fails.

    Returns:
        What became of those that this process tried.

    Raises:
        InputError: When there are no scenes, or several for one file.
    """
    ranks = ranks or Ranks()
    if not scenes:
        raise InputError("There are no scenes to map.")
    if names_a_file(out) and len(scenes) > 1:
        raise InputError(f"{out} is one file and there are {len(scenes)} scenes: name a folder (without .tif) for their maps.")
    tidings = Tidings()
    first = ranks.index * len(scenes) // ranks.count
    for number, scene in enumerate([*scenes[first:], *scenes[:first]], 1):
        counted = f"[{number}/{len(scenes)}] " if len(scenes) > 1 else ""
        try:
            outcome = map_scene(scene, map_path(scene, out))
        except OutputInUseError as error:
            (tidings.failed if ranks.count == 1 else tidings.busy)[scene.name] = str(error)
            if ranks.count == 1 and counted:
                tell(f"{counted}{scene.name}: {error}")
            continue
        except InputError as error:
            tidings.failed[scene.name] = str(error)
            if counted:
                tell(f"{counted}{scene.name} failed: {error}")
            continue
        if outcome == "stopped":
            tidings.stopped = True
            break
        (tidings.made if outcome == "made" else tidings.there).append(scene.name)
    return tidings


def join_tidings(tidings: Sequence[Tidings]) -> Tidings:
    """Put together what several processes say.

    Args:
        tidings: Each one's own.

    Returns:
        Every scene once: one that somebody made is made, one that has a map has not failed, and one that all passed over since
        somebody else is at it has.
    """
    made = {name: None for one in tidings for name in one.made}
    there = {name: None for one in tidings for name in one.there if name not in made}
    reasons = [*(one.busy for one in tidings), *(one.failed for one in tidings)]
    failed = {name: reason for one in reasons for name, reason in one.items() if name not in made and name not in there}
    return Tidings(list(made), list(there), failed, stopped=any(one.stopped for one in tidings))
