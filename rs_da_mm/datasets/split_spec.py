"""How a split is drawn, as a config says it, and what comes of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rs_da_mm.datasets.footprints import require_placed
from rs_da_mm.datasets.ground_split import ground_split, group_split
from rs_da_mm.datasets.part_distances import part_distances
from rs_da_mm.datasets.split_draws import PARTS, BlockedSplit, WindowKey, exact_shares
from rs_da_mm.datasets.split_facts import SplitFacts, class_shares
from rs_da_mm.datasets.splits import blocked_split, random_split, split_runs
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Window

_KEYS = {
    "random": (),
    "blocked": ("block", "stratified"),
    "ground": ("block", "gap", "stratified"),
    "group": ("by", "gap", "stratified"),
}


@dataclass(frozen=True)
class SplitSpec:
    """How a split is drawn.

    Attributes:
        type: ``'random'``, ``'blocked'`` (blocks of windows inside the scenes), ``'ground'`` (blocks of ground, over the borders
            of scenes) or ``'group'`` (all scenes of a city, a year, … together).
        ratios: Shares of train and val, or of train, val and test, to any total.
        seed: Draws another split for each number.
        block: For a blocked split: ``'scene'``, or how many windows a block has in each direction. For one by ground: metres.
        gap: For a split by ground or group: metres between windows of different parts, at least.
        by: For a split by group: which group.
        stratified: Whether the classes of the parts are to be as alike as can be.
    """

    type: Literal["random", "blocked", "ground", "group"] = "random"
    ratios: tuple[float, ...] = (0.6, 0.2, 0.2)
    seed: int = 0
    block: float | Literal["scene"] | None = None
    gap: float | None = None
    by: str | None = None
    stratified: bool = False

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> SplitSpec:
        """Read ``dict(type='random'|'blocked'|'ground'|'group', ratios=…, seed=…, block=…, gap=…, by=…, stratified=…)``.

        Raises:
            DatasetError: When a key or value is not one of these.
        """
        kind = config.get("type", "random")
        _require_keys(config, kind)
        ratios, seed = tuple(config.get("ratios", cls.ratios)), config.get("seed", 0)
        exact_shares(ratios)
        if not 2 <= len(ratios) <= len(PARTS):
            raise DatasetError(f"The split's ratios are {list(ratios)}; give two (train, val) or three (train, val, test).")
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise DatasetError(f"The split's seed is {seed!r}; give a whole number.")
        if kind == "group" and not (isinstance(config.get("by"), str) and config["by"]):
            raise DatasetError("A split of type='group' needs to know which group: by='city', a name in the images' pattern.")
        block = config.get("block", "scene" if kind == "blocked" else None)
        if kind == "ground":
            block = _metres("block", block, above=0.0)
        gap, stratified = _metres("gap", config.get("gap")), config.get("stratified", False)
        if not isinstance(stratified, bool):
            raise DatasetError(f"The split's stratified is {stratified!r}; it can be True or False.")
        return cls(kind, ratios, seed, block, gap, config.get("by"), stratified)

    @property
    def name(self) -> str:
        """A file name that tells splits apart."""
        by = "" if self.by is None else "_by-" + re.sub(r"[^\w-]", "_", self.by)
        block = "" if self.block is None else f"_block-{self.block}"
        gap = "" if self.gap is None else f"_gap-{self.gap:g}"
        ratios = "-".join(f"{ratio:g}" for ratio in self.ratios)
        return f"{self.type}{by}{block}{gap}_{ratios}_seed{self.seed}{'_stratified' if self.stratified else ''}"

    def parameters(self) -> dict[str, Any]:
        """The form that is recorded with stored results."""
        further = {"gap": self.gap, "by": self.by, "stratified": self.stratified or None}
        return {
            "type": self.type,
            "ratios": list(self.ratios),
            "seed": self.seed,
            "block": self.block,
            **{key: value for key, value in further.items() if value is not None},
        }

    def draw(
        self,
        windows: Mapping[str, Sequence[Window]],
        stride: tuple[int, int] | None,
        numbered_patches: bool = False,
        facts: SplitFacts | None = None,
    ) -> Split:
        """Divide windows; see :mod:`rs_da_mm.datasets.splits` and :mod:`rs_da_mm.datasets.ground_split`.

        Args:
            windows: The windows of each scene.
            stride: Rows and columns from one window to the next.
            numbered_patches: Each scene is a patch of a larger one, and their names count along it.
            facts: Where the scenes lie, and what their windows hold.

        Returns:
            The split; among its notes ``distances``, metres between the nearest windows of each two parts, where the scenes say
            where they lie, and ``class_shares``, where classes counted.

        Raises:
            DatasetError: When the windows cannot be divided so.
        """
        if self.type == "random":
            keys = [WindowKey(scene, window.row, window.col) for scene, placed in windows.items() for window in placed]
            return Split(dict(zip(PARTS, random_split(keys, self.ratios, self.seed), strict=False)), [])
        facts = facts or SplitFacts()
        pixels = facts.pixels() if self.stratified else None
        drawn = self._draw_blocks(windows, stride, numbered_patches, facts, pixels)
        parts = dict(zip(PARTS, drawn.parts, strict=False))
        notes = {**drawn.notes, **_distances(windows, parts, facts)}
        if pixels is not None:
            notes["class_shares"] = class_shares(windows, parts, pixels)
            notes["classes"] = list(facts.classes)
        return Split(parts, drawn.dropped, notes)

    def _draw_blocks(
        self,
        windows: Mapping[str, Sequence[Window]],
        stride: tuple[int, int] | None,
        numbered_patches: bool,
        facts: SplitFacts,
        pixels: Any,
    ) -> BlockedSplit:
        what = f"A split of type='{self.type}'" + (" with a gap" if self.type == "group" else "")
        if self.type == "ground":
            placed = require_placed(_placements(windows, facts), what)
            side = None if self.block is None else float(self.block)
            return ground_split(windows, placed, self.ratios, self.seed, side, self.gap, pixels)
        if self.by is not None:
            groups = facts.group_of(self.by, [scene for scene in windows if windows[scene]])
            there = None if self.gap is None else require_placed(_placements(windows, facts), what)
            return group_split(windows, groups, self.ratios, self.seed, pixels, there, self.gap)
        draw = split_runs if numbered_patches else blocked_split
        block: Any = self.block
        return draw(windows, self.ratios, self.seed, block, stride, pixels)


@dataclass(frozen=True)
class Split:
    """Which windows belong to which part.

    Attributes:
        parts: Windows of 'train', 'val' and 'test' (without the last one, when there are two ratios).
        dropped: Windows between blocks of different parts, which belong to none.
        notes: What else is known of it, by name, as JSON holds it.
    """

    parts: Mapping[str, list[WindowKey]]
    dropped: list[WindowKey]
    notes: Mapping[str, Any] = field(default_factory=dict)

    def part(self, name: str) -> set[WindowKey]:
        """The windows of a part; raises :class:`DatasetError` when there is no such part or it is empty."""
        if not self.parts.get(name):
            sizes = ", ".join(f"{part}: {len(keys)} windows" for part, keys in self.parts.items())
            raise DatasetError(f"The split has no windows for part '{name}' ({sizes}).")
        return set(self.parts[name])

    def describe(self) -> str:
        """Sizes, distances and classes in words."""
        sizes = ", ".join(f"{part} {len(keys)}" for part, keys in self.parts.items())
        said = [f"{len(self.dropped)} windows left out between blocks of different parts"] if self.dropped else []
        if "block" in self.notes:
            said.append(f"{self.notes['blocks']} blocks of {self.notes['block']:,.0f} m")
        far = self.notes.get("distances", {})
        said += [f"{pair.replace('-', ' and ')} {_spelled(metres)}" for pair, metres in far.items()]
        return "; ".join([sizes, *said, *_describe_classes(self.notes)])


def _require_keys(config: Mapping[str, Any], kind: Any) -> None:
    own = _KEYS.get(kind) if isinstance(kind, str) else None
    unknown = sorted(set(config) - {"type", "ratios", "seed", *(key for keys in _KEYS.values() for key in keys)})
    if unknown or own is None:
        raise DatasetError(
            f"split is {dict(config)}; it takes type ('random', 'blocked', 'ground' or 'group'), ratios, seed, and block, gap, "
            "by and stratified where the type has them, such as dict(type='blocked', ratios=(0.6, 0.2, 0.2), seed=0, block=8)."
        )
    foreign = sorted(set(config) - {"type", "ratios", "seed", *own})
    if foreign and kind == "random":
        raise DatasetError(
            f"A random split has no {' and no '.join(foreign)}; take type='blocked' or type='ground' for one that keeps "
            "neighbours together."
        )
    if foreign:
        raise DatasetError(f"A split of type='{kind}' has no {' and no '.join(foreign)}; it has {', '.join(own)}.")


def _metres(name: str, value: Any, above: float | None = None) -> float | None:
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value < 0 or (above is not None and value <= above):
        raise DatasetError(f"The split's {name} is {value!r}; give metres on the ground, such as {name}=2000.")
    return value


def _placements(windows: Mapping[str, Sequence[Window]], facts: SplitFacts) -> dict[str, Any]:
    placements = facts.placements()
    return {scene: placements.get(scene) for scene, placed in windows.items() if placed}


def _distances(
    windows: Mapping[str, Sequence[Window]], parts: Mapping[str, list[WindowKey]], facts: SplitFacts
) -> dict[str, Any]:
    """How far the parts lie apart, where every scene says where it lies."""
    try:
        placed = require_placed(_placements(windows, facts), "")
        far = part_distances(windows, parts, placed)
    except DatasetError:
        return {}
    return {"distances": {f"{one}-{other}": round(metres, 1) for (one, other), metres in far.items()}}


def _spelled(metres: float) -> str:
    return f"{metres:,.0f} m apart" if metres else "touch"


def _describe_classes(notes: Mapping[str, Any]) -> list[str]:
    shares = dict(notes.get("class_shares", {}))
    whole = shares.pop("all", [])
    if not whole or not shares:
        return []
    names = notes.get("classes") or [f"class {number}" for number in range(len(whole))]
    missing = [
        f"no pixel of '{names[number]}' in {part}"
        for part, found in shares.items()
        for number, share in enumerate(found)
        if share == 0 and whole[number] > 0
    ]
    off, part, number = max(
        (abs(share - whole[number]), part, number) for part, found in shares.items() for number, share in enumerate(found)
    )
    furthest = (
        f"class shares within {100 * off:.1f} percentage points of the whole ('{names[number]}' is "
        f"{100 * shares[part][number]:.1f} % of {part} and {100 * whole[number]:.1f} % of all)"
    )
    return [*missing, furthest]
