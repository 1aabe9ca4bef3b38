"""Mapping scenes of any size with a trained segmentor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mmengine.config import Config

from rs_da_mm.errors import InputError
from rs_da_mm.inference.inputs import SceneInput, UnreadableBlocks
from rs_da_mm.inference.load_segmentor import load_segmentor
from rs_da_mm.inference.many_scenes import Outcome
from rs_da_mm.inference.maps.assembly import MapGround, assemble_map, refusals_told
from rs_da_mm.inference.maps.layers import MapSink, map_layers
from rs_da_mm.inference.maps.made_before import (
    is_made,
    put_aside_record,
    read_record,
    remove_leftovers,
    remove_outdated,
    require_apart,
)
from rs_da_mm.inference.maps.map_identity import library_versions, map_identity
from rs_da_mm.inference.maps.options import MapOptions
from rs_da_mm.inference.maps.places import MapPlaces
from rs_da_mm.inference.maps.progress import MapProgress
from rs_da_mm.inference.maps.reading import OpenScene, ReadOptions, open_scene, scene_files, scene_input, tolerant
from rs_da_mm.inference.maps.verification import ENOUGH, label_agreement
from rs_da_mm.inference.outputs import AreaTally, make_record, require_pyogrio, write_record
from rs_da_mm.inference.pipeline import OnRow, PipelineRun, run_pipeline
from rs_da_mm.inference.plan import HasData, WindowPlan, plan_windows
from rs_da_mm.inference.protocols import PieceSink, SceneSource
from rs_da_mm.inference.resumable_output import ResumableOutput
from rs_da_mm.inference.segmentor_options import SegmentorOptions
from rs_da_mm.raster.locations import local_file, locate

_UNREADABLE = "unreadable.jsonl"
_WINDOW = 512
_BATCH = {"cpu": 4, "cuda": 16}


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
            with _kept_if_of_use(output, opened):
                run, details = self._compute_map(opened, plan, output)
                if run.stopped:
                    return MapResult("stopped", places, None)
                opened.watch.check()
                record = self._finish(opened, output, places, identity, started, run, details)
            output.remove()
        self._tell_done(opened, places, run, started)
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
        device = str(self.segmentor.options.device).partition(":")[0]
        return self.mapping.batch_size or _BATCH.get(device, _BATCH["cpu"])

    def _identity(self, scene: SceneInput) -> dict[str, Any]:
        windows = {"size": self._window, "batch_size": self._most_per_batch}
        return map_identity(scene, self.reading, self.segmentor.identity(), windows, self.mapping)

    def _compute_map(self, opened: OpenScene, plan: WindowPlan, output: ResumableOutput) -> tuple[PipelineRun, dict[str, Any]]:
        """Compute what is not finished yet."""
        kept = output.folder / _UNREADABLE
        if output.start_row == 0:
            kept.unlink(missing_ok=True)
        unreadable = UnreadableBlocks(kept)
        source = tolerant(opened, self.mapping.unreadable, unreadable)
        details: dict[str, Any] = {"plan": plan, "unreadable": unreadable, "start_row": output.start_row}
        if self.mapping.verify:
            details["agreement"] = self._verify(source, plan)
        went_on = f", going on from row {output.start_row}" if output.start_row else ""
        count = plan.window_count
        windows = f"{count} windows of {plan.size[0]} x {plan.size[1]}"
        self.tell(f"{opened.source.name}: {source.height} x {source.width} pixels, {windows}{went_on}")
        sink = MapSink(output, self.mapping, self.segmentor.classes, opened.watch.check, self.segmentor.threshold)
        with MapProgress(opened.source.name, count) as progress:
            run = self._run(source, plan, sink, output.start_row, progress.show)
        if not run.stopped and len(unreadable) and not _computed(output):
            raise InputError(f"{opened.source.name}: no window of it is left to map: {unreadable.report()['reason']}")
        return run, details

    def _verify(self, source: SceneSource, plan: WindowPlan) -> dict[str, Any]:
        agreement = label_agreement(source, plan, self.segmentor, self.segmentor.in_float32(), self.segmentor.threshold)
        spelled = f"{100 * agreement.share:.3f} % of {agreement.pixels} pixels have the same label in float32"
        advice = "" if agreement.share >= ENOUGH else f"; below {100 * ENOUGH:.1f} %, compute in float32 (--precision float32)"
        self.tell(f"{self.segmentor.options.precision}: {spelled}{advice}")
        return agreement._asdict()

    def _finish(
        self,
        opened: OpenScene,
        output: ResumableOutput,
        places: MapPlaces,
        identity: Mapping[str, Any],
        started: datetime,
        run: PipelineRun,
        details: Mapping[str, Any],
    ) -> dict[str, Any]:
        """Write the files of the map, and last its record."""
        plan: WindowPlan = details["plan"]
        with refusals_told(places.record):
            former = put_aside_record(places, output.folder)
        georeference = opened.source.georeference()
        ground = MapGround(plan.height, plan.width, georeference, self.segmentor.classes, str(opened.facts["name"]))
        since = time.perf_counter()
        written, tally = assemble_map(output, ground, places, self.mapping)
        remove_outdated(places, former, written)
        self._warn_of_areas(tally)
        record = {
            **make_record(
                scene=opened.facts,
                model=self._model,
                settings={**asdict(self.mapping), "window": self._window, "batch_size": self._batch_size(plan)},
                windows={
                    "planned": plan.window_count + plan.skipped,
                    "known_to_be_empty": plan.skipped,
                    "computed": _computed(output),
                    "found_empty": sum(int(band.notes["empty"]) for band in output.bands),
                },
                tally=tally,
                started=started,
                finished=datetime.now(timezone.utc),
                outputs=written,
            ),
            "unreadable": details["unreadable"].report(),
            "agreement_with_float32": details.get("agreement"),
            "run": {
                "went_on_from_row": details["start_row"],
                "seconds": {**asdict(run.times), "writing_files": time.perf_counter() - since},
            },
            "identity": identity,
        }
        with refusals_told(places.record):
            write_record(places.record, record)
        return record

    def _warn_of_areas(self, tally: AreaTally) -> None:
        scale = tally.report()["true_area_per_grid_area"]
        if scale is not None and abs(scale - 1) > 0.01:
            self.tell(f"Areas are those of the map's grid; on the ground they are {scale:.3g} times as large.")

    def _tell_done(self, opened: OpenScene, places: MapPlaces, run: PipelineRun, started: datetime) -> None:
        seconds = (datetime.now(timezone.utc) - started).total_seconds()
        pixels = opened.source.height * opened.source.width / 1e6
        share = run.times.model / run.times.total if run.times.total else 0.0
        self.tell(f"{places.labels}: {pixels:.1f} Mpx in {seconds:.1f} s, {100 * share:.0f} % of the computing in the model")


def _name_of(config: str | Path | Config | None) -> str | None:
    return Path(config).name if isinstance(config, (str, Path)) else None


def _computed(output: ResumableOutput) -> int:
    """How many windows the finished rows were waiting for that went through the model."""
    return sum(int(band.notes["computed"]) for band in output.bands)


@contextmanager
def _kept_if_of_use(output: ResumableOutput, opened: OpenScene) -> Iterator[None]:
    """Where it fails, leave what is finished only if a run can go on from there: it would stand in the way of another one."""
    try:
        yield
    except BaseException:
        if not _computed(output) or opened.watch.has_changed:
            with suppress(OSError):
                output.remove()
        raise
