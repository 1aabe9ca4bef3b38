"""How a scene is mapped, and what of it is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

from rs_da_mm.errors import InputError
from rs_da_mm.inference.inputs import UnreadablePolicy
from rs_da_mm.inference.outputs.score_map import Measure, ScoreType


@dataclass(frozen=True)
class MapOptions:
    """How a scene is mapped, and what of it is written.

    Attributes:
        window: Rows and columns that the model sees at once, one number for both; ``None`` takes what it was trained on, or 512.
        overlap: What neighbouring windows share: a ``float`` from 0.0 to below 1.0 is a part of the window, an ``int`` is pixels.
        margin: Pixels at the rim of a window that are left to its neighbours. From the radius of the model's receptive field on
            the map is that of the whole scene in one piece; the overlap must hold two.
        batch_size: Windows that go through the model at once, at most; ``None`` takes 16 on a GPU; on a CPU 4 in bfloat16, 2
            in float32.
        ahead: Batches that are read before the model asks for them, and as many that can wait to be written. 0 does one after the
            other in one thread.
        unreadable: What becomes of windows that cannot be read. ``'raise'``: the map fails. ``'nodata'``: the blocks of the file
            that cannot be read hold no data. ``'skip'``: windows that touch such a block are left out.
        cog: Write cloud-optimized GeoTIFFs with overviews; otherwise plain tiled ones, which for scenes of some 10⁹ pixels, most
            of them empty, takes much less time.
        scores: Write the probability of every class, as ``'uint8'`` or ``'float16'``.
        uncertainty: Write how unsure the map is: ``'entropy'`` or ``'least_confidence'``.
        vectors: Write polygons.
        min_area: Areas smaller than so many square metres are merged into their neighbours in the polygons.
        preview: Write a picture with a legend and a scale bar.
        style: Write a QGIS style beside the map.
        threads: Threads that compress what is written.
        overwrite: Replace an older map; otherwise what is there and was made otherwise is an error.
        verify: Before a scene is begun, compare the labels of some of its windows with those in float32.
    """

    window: int | tuple[int, int] | None = None
    overlap: float = 0.25
    margin: int = 0
    batch_size: int | None = None
    ahead: int = 3
    unreadable: UnreadablePolicy = "raise"
    cog: bool = True
    scores: ScoreType | None = None
    uncertainty: Measure | None = None
    vectors: bool = False
    min_area: float = 0.0
    preview: bool = False
    style: bool = True
    threads: int = 1
    overwrite: bool = False
    verify: bool = False

    def __post_init__(self) -> None:
        _require_one_of("unreadable", self.unreadable, get_args(UnreadablePolicy))
        _require_one_of("scores", self.scores, (None, *get_args(ScoreType)))
        _require_one_of("uncertainty", self.uncertainty, (None, *get_args(Measure)))
        sides = self.window if isinstance(self.window, tuple) else (1 if self.window is None else self.window,)
        if min(sides) < 1:
            raise InputError(f"window is {self.window}; a window has 1 pixel or more.")
        if self.threads < 1:
            raise InputError(f"threads is {self.threads}; expected 1 or more.")
        if self.batch_size is not None and self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size}; a batch holds 1 window or more.")
        if self.ahead < 0:
            raise InputError(f"{self.ahead} batches cannot be read ahead; it must be 0 or more.")
        if self.min_area < 0:
            raise InputError(f"min_area is {self.min_area}; expected 0 or more square metres.")
        if self.min_area and not self.vectors:
            raise InputError("min_area is about polygons, and none are asked for: add vectors.")


def _require_one_of(name: str, value: Any, known: tuple[Any, ...]) -> None:
    if value not in known:
        raise InputError(f"{name} is {value!r}; it can be {', '.join(map(repr, known))}.")
