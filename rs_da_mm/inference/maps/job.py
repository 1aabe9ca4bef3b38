"""What a scene that is being mapped carries with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rs_da_mm.inference.core.pipeline import PipelineRun
from rs_da_mm.inference.core.plan import WindowPlan
from rs_da_mm.inference.maps.options import MapOptions
from rs_da_mm.inference.maps.places import MapPlaces
from rs_da_mm.inference.maps.reading import OpenScene
from rs_da_mm.inference.resumable.resumable_output import ResumableOutput

Tell = Callable[[str], None]


@dataclass(frozen=True)
class MapJob:
    """A scene that is being mapped.

    Attributes:
        opened: The scene.
        plan: Its windows.
        output: What is finished of it.
        places: Where its map goes.
        options: How it is mapped.
        identity: What the map depends on, as JSON gives it back.
        started: When this run began, with its time zone.
    """

    opened: OpenScene
    plan: WindowPlan
    output: ResumableOutput
    places: MapPlaces
    options: MapOptions
    identity: Mapping[str, Any]
    started: datetime

    @property
    def computed_windows(self) -> int:
        """How many windows the finished rows were waiting for that went through the model, in this run or an earlier one."""
        return sum(int(band.notes["computed"]) for band in self.output.bands)


@dataclass(frozen=True)
class ComputedMap:
    """What a run computed.

    Attributes:
        run: What it did, and what took how long.
        start_row: The row of windows that it began with.
        unreadable: What could not be read, for the record.
        agreement: How far labels agree with those in float32; ``None`` where that was not asked.
    """

    run: PipelineRun
    start_row: int
    unreadable: Mapping[str, Any]
    agreement: Mapping[str, Any] | None
