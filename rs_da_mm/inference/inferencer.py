"""Mapping scenes of any size with a trained segmentor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mmengine.config import Config

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.pipeline import OnRow, PipelineRun, run_pipeline
from rs_da_mm.inference.core.plan import HasData, WindowPlan, plan_windows
from rs_da_mm.inference.core.protocols import PieceSink, SceneSource
from rs_da_mm.inference.inputs import SceneInput
from rs_da_mm.inference.many_scenes import Outcome
from rs_da_mm.inference.maps.computing import compute_map
from rs_da_mm.inference.maps.finishing import finish_map
from rs_da_mm.inference.maps.job import MapJob
from rs_da_mm.inference.maps.layers import map_layers
from rs_da_mm.inference.maps.made_before import is_made, read_record, remove_leftovers, require_apart
from rs_da_mm.inference.maps.map_identity import library_versions, map_identity
from rs_da_mm.inference.maps.options import MapOptions
from rs_da_mm.inference.maps.places import MapPlaces
from rs_da_mm.inference.maps.reading import ReadOptions, open_scene, scene_files, scene_input
from rs_da_mm.inference.outputs import require_pyogrio
from rs_da_mm.inference.resumable.resumable_output import ResumableOutput
from rs_da_mm.inference.segmentors.load_segmentor import load_segmentor
from rs_da_mm.inference.segmentors.segmentor_options import SegmentorOptions
from rs_da_mm.raster.locations import local_file, locate

_WINDOW = 512
# On a CPU both take the same memory; MACU-Net with 4 is 15 % faster than with 2 in bfloat16, 6 % in float32.
_ON_GPU, _IN_HALF, _IN_FLOAT32 = 16, 4, 2


@dataclass(frozen=True)
class MapResult:
    """What became of a scene.

    Attributes:
        outcome: Whether its map was ``'made'``, was ``'there'`` already, or the run was ``'stopped'`` before it was finished.
        places: Where the files lie.
        record: The record; ``None`` when it was stopped.
    """

    outcome: Outcome
    places: MapPlaces
    record: Mapping[str, Any] | None


class SceneInferencer:
    """Maps scenes: ``SceneInferencer(config, checkpoint)(scene, out)``.

    Scenes of any size, band count and dtype: what is held in memory depends on the height of a window, not on the scene. Beside
    the map a hidden folder holds what is finished until the map is whole; a run that was stopped in whatever way goes on from
    there when the same scene is mapped to the same place again, to the same bytes.

    Args:
        config: The config that the model was trained with; ``None`` takes that of a file of ``tools/publish.py``.
        checkpoint: Its weights.
        mapping: How scenes are mapped and what is written.
        reading: How scenes are read.
        computing: How the model computes.

    Attributes:
        segmentor: The model.
        tell: Takes a sentence about each scene; nobody by default.
        should_stop: Asked between batches.

    Raises:
        InputError: When the model cannot be made, or what is asked for needs a package that is missing.
    """

    def __init__(
        self,
        config: str | Path | Config | None,
        checkpoint: str | Path,
        mapping: MapOptions | None = None,
        reading: ReadOptions | None = None,
        computing: SegmentorOptions | None = None,
    ) -> None:
        self.mapping = mapping or MapOptions()
        self.reading = reading or ReadOptions()
        if self.mapping.vectors:
            require_pyogrio()
        self.segmentor = load_segmentor(config, checkpoint, computing or SegmentorOptions())
        self.tell: Callable[[str], None] = lambda sentence: None
        self.should_stop: Callable[[], bool] = lambda: False
        self._model = {
            "config": Path(config.filename).name if isinstance(config, Config) and config.filename else _name_of(config),
            "checkpoint": Path(checkpoint).name,
            **self.segmentor.identity(),
            "classes": list(self.segmentor.classes.names),
            "trained_on": self.segmentor.trained_on.report(),
        }

    def __call__(self, scene: str | Path | Sequence[str | Path] | SceneInput, out: str | Path) -> MapResult:
        """Map a scene.

        Args:
            scene: A raster, or the files of one scene.
            out: Where the map goes, ``.tif``; its other files go beside it.

        Returns:
            What became of it.

        Raises:
            InputError: When the scene is not like those of the training, a map is there that was made otherwise, other files are
                in its place, another run writes to the same place, a file changed, or the disk refuses. What is finished is kept.
            RasterError: When the scene cannot be read.
        """
        scene, places = scene_input(scene), MapPlaces(Path(out))
        files = tuple(places.files(self.mapping).values())
        require_apart(files, filter(None, (local_file(locate(path)) for path in scene_files(scene))))
        identity = self._identity(scene)
        if is_made(places, identity, self.mapping.overwrite, files):
            remove_leftovers(places, identity)
            return MapResult("there", places, read_record(places))
        started = datetime.now(timezone.utc)
        opened = open_scene(scene, self.reading, self.segmentor.trained_on, self.mapping.unreadable)
        require_apart(files, opened.watch.files)
        if self.mapping.vectors and not opened.source.georeference().has_transform and opened.source.georeference().gcps:
            raise InputError(f"{scene.name}: only control points place it, and polygons need a grid; leave out the vectors.")
        size = opened.source.height, opened.source.width
        plan = self.plan(*size, opened.has_data)
        layers = map_layers(self.mapping, self.segmentor.classes)
        depends_on = {**identity, "versions": library_versions(), "changed": opened.watch.stamps()}
        with ResumableOutput(places.unfinished, depends_on, layers, *size, replace=self.mapping.overwrite) as output:
            if is_made(places, identity, self.mapping.overwrite, files):  # another rank was faster
                output.remove()
                return MapResult("there", places, read_record(places))
            job = MapJob(opened, plan, output, places, self.mapping, identity, started)
            with _kept_if_of_use(job):
                computed = compute_map(job, self.segmentor, self._run, self.tell)
                if computed.run.stopped:
                    return MapResult("stopped", places, None)
                opened.watch.check()
                record = finish_map(job, computed, self.segmentor.classes, self._model, self._batch_size(plan), self.tell)
            output.remove()
        self._tell_done(job, computed.run)
        return MapResult("made", places, record)

    def map_input(self, scene: SceneInput, out: Path) -> Outcome:
        """Map a scene, as :func:`~rs_da_mm.inference.many_scenes.map_scenes` asks for it."""
        return self(scene, out).outcome

    def compute(
        self,
        source: SceneSource,
        sink: PieceSink,
        has_data: HasData | None = None,
        start_row: int = 0,
        on_row: OnRow | None = None,
    ) -> PipelineRun:
        """Compute the scores of any source into any sink: what mapping does, without files.

        Args:
            source: Pixels.
            sink: Takes blended probabilities ``(classes, rows, columns)``.
            has_data: Tells whether a rectangle may hold data; windows without are left out.
            start_row: Rows that the sink has already.
            on_row: Told of each row of windows that is finished.

        Returns:
            How many windows were computed, and where the time went.
        """
        plan = self.plan(source.height, source.width, has_data)
        return self._run(source, plan, sink, start_row, on_row)

    def plan(self, height: int, width: int, has_data: HasData | None = None) -> WindowPlan:
        """Lay windows over a scene.

        Args:
            height: Its rows.
            width: Its columns.
            has_data: Tells whether a rectangle may hold data.
        """
        return plan_windows(height, width, self._window, self.mapping.overlap, has_data, self.mapping.margin)

    def _run(self, source: SceneSource, plan: WindowPlan, sink: PieceSink, start_row: int, on_row: OnRow | None) -> PipelineRun:
        return run_pipeline(
            source,
            plan,
            self.segmentor,
            self._batch_size(plan),
            sink,
            start_row,
            ahead=self.mapping.ahead,
            on_row=on_row,
            should_stop=self.should_stop,
        )

    @property
    def _window(self) -> tuple[int, int]:
        window = self.mapping.window or self.segmentor.crop or _WINDOW
        return (window, window) if isinstance(window, int) else window

    def _batch_size(self, plan: WindowPlan) -> int:
        """Windows per batch: as asked for, but no more than fill the batches of a row of windows evenly."""
        most = self._most_per_batch
        windows = max((len(row.columns) for row in plan.rows), default=1) or 1
        return -(-windows // -(-windows // most))

    @property
    def _most_per_batch(self) -> int:
        options = self.segmentor.options
        if str(options.device).startswith("cuda"):
            return self.mapping.batch_size or _ON_GPU
        return self.mapping.batch_size or (_IN_FLOAT32 if options.precision == "float32" else _IN_HALF)

    def _identity(self, scene: SceneInput) -> dict[str, Any]:
        windows = {"size": self._window, "batch_size": self._most_per_batch}
        return map_identity(scene, self.reading, self.segmentor.identity(), windows, self.mapping)

    def _tell_done(self, job: MapJob, run: PipelineRun) -> None:
        seconds = (datetime.now(timezone.utc) - job.started).total_seconds()
        pixels = job.plan.height * job.plan.width / 1e6
        share = run.times.model / run.times.total if run.times.total else 0.0
        self.tell(f"{job.places.labels}: {pixels:.1f} Mpx in {seconds:.1f} s, {100 * share:.0f} % of the computing in the model")


def _name_of(config: str | Path | Config | None) -> str | None:
    return Path(config).name if isinstance(config, (str, Path)) else None


@contextmanager
def _kept_if_of_use(job: MapJob) -> Iterator[None]:
    """Where it fails, leave what is finished only if a run can go on from there: it would stand in the way of another one."""
    try:
        yield
    except BaseException:
        if not job.computed_windows or job.opened.watch.has_changed:
            with suppress(OSError):
                job.output.remove()
        raise
