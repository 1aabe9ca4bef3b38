"""From what the user names to pixels as the model was trained to see them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from rs_da_mm.errors import InputError
from rs_da_mm.inference.core.plan import HasData
from rs_da_mm.inference.inputs import SceneInput, SourceWatch, TolerantSource, UnreadableBlocks, UnreadablePolicy, data_map
from rs_da_mm.inference.inputs.scene_checks import SceneChoice, check_scene
from rs_da_mm.inference.segmentors.trained_on import TrainedOn
from rs_da_mm.raster import (
    PlacedSource,
    Resampling,
    RescaledSource,
    Scene,
    at_pixel_size,
    band_numbers,
    portable_name,
    scene_fingerprint,
)
from rs_da_mm.raster.locations import locate
from rs_da_mm.raster.scene_files import files_behind


@dataclass(frozen=True)
class ReadOptions:
    """How scenes are read.

    Attributes:
        bands: Which bands, by number from 1 over all files or by name. Without it, those that the training took of its scenes
            where the scene has them, otherwise all.
        nodata: The value that means "no data", in place of the files' own.
        alpha: Whether a band that is marked as alpha is one.
        files: How files of one scene whose pixels differ in size are brought to the finest; ``None`` refuses them.
        resample: Bring a scene to the pixel size of the training, in this way; the map then has that pixel size too.
        rescale: Gain and offset: the model sees ``gain * value + offset`` in the dtype of the training. Without it, values are
            brought to the scale on which the training read its images, where the config names one.
        checks: Refuse a scene that is not like those of the training.

    Raises:
        InputError: When a way of resampling is unknown.
    """

    bands: tuple[int | str, ...] | None = None
    nodata: float | None = None
    alpha: bool = True
    files: Resampling | None = "bilinear"
    resample: Resampling | None = None
    rescale: tuple[float, float] | None = None
    checks: bool = True

    def __post_init__(self) -> None:
        for name in ("files", "resample"):
            if getattr(self, name) not in (None, *get_args(Resampling)):
                known = ", ".join(map(repr, get_args(Resampling)))
                raise InputError(f"{name} is {getattr(self, name)!r}; it can be {known}, or None.")


@dataclass(frozen=True)
class OpenScene:
    """A scene as the model is to see it.

    Attributes:
        source: Its pixels.
        has_data: Tells whether a rectangle may hold data; ``None`` where nothing is known.
        watch: Its files, to notice when they change.
        facts: What it is, for the record: files, fingerprint, size, CRS, bands, and how it compares with the training.
    """

    source: PlacedSource
    has_data: HasData | None
    watch: SourceWatch
    facts: dict[str, Any]


def open_scene(scene: SceneInput, options: ReadOptions, trained: TrainedOn, unreadable: UnreadablePolicy = "raise") -> OpenScene:
    """Open a scene, and compare it with what the model was trained on.

    Args:
        scene: Its files.
        options: How it is read.
        trained: What is known about the training.
        unreadable: What becomes of windows that cannot be read while they are compared.

    Returns:
        The scene; it raises where it cannot be read, see :func:`tolerant`.

    Raises:
        InputError: When it is not like those of the training, or a band has no such name.
        RasterError: When a file cannot be read.
    """
    numbers, chosen_by = _choose_bands(scene, options, trained)
    scale = trained.scale if options.rescale is None else None
    nodata = 0 if scale is not None and scale.is_sentinel2 and options.nodata is None else options.nodata
    raw = Scene(scene.paths, numbers, scene.mask, nodata, alpha=options.alpha, resample=options.files)
    watch = SourceWatch(files_behind(raw))
    source: PlacedSource = raw
    if options.rescale is not None:
        source = RescaledSource(source, *options.rescale, dtype=trained.dtype or "float32")
    elif scale is not None:
        source = scale.applied(raw, source)
    if options.resample is not None:
        source = at_pixel_size(source, _trained_metres(scene, trained), options.resample)
    has_data = data_map(source)
    choice = SceneChoice(bands=chosen_by, rescaled=options.rescale is not None or scale is not None, ignore=not options.checks)
    fit = check_scene(_tolerant(source, unreadable, None, watch), trained, choice, has_data)
    crs = source.georeference().crs
    facts = {
        "name": scene.name,
        "files": [portable_name(path) for path in raw.paths],
        "mask": scene.mask.name if scene.mask else None,
        "fingerprint": scene_fingerprint(scene_files(scene)),
        "height": source.height,
        "width": source.width,
        "bands": None if numbers is None else list(numbers),
        "dtype": str(source.dtype),
        "crs": None if crs is None else crs.to_string(),
        "nodata": nodata,
        "alpha": options.alpha,
        "files_resampled": options.files,
        "resampled": options.resample,
        "rescaled": None if options.rescale is None else list(options.rescale),
        "scale": None if scale is None else scale.parameters(),
        **fit.report(),
    }
    return OpenScene(source, has_data, watch, facts)


def tolerant(opened: OpenScene, policy: UnreadablePolicy, kept: UnreadableBlocks) -> PlacedSource:
    """Let a scene be read whose files cannot be read everywhere.

    Args:
        opened: The scene.
        policy: What becomes of windows that cannot be read.
        kept: Takes the blocks that cannot be read.

    Returns:
        The same views around a source that follows the policy.
    """
    return _tolerant(opened.source, policy, kept, opened.watch)


def _tolerant(source: PlacedSource, policy: UnreadablePolicy, kept: UnreadableBlocks | None, watch: SourceWatch) -> PlacedSource:
    return _around_files(source, lambda raw: TolerantSource(raw, policy, kept, watch=watch))


def _around_files(source: Any, wrap: Callable[[PlacedSource], PlacedSource]) -> PlacedSource:
    """Put something between a scene's files and the views around them."""
    if isinstance(source, Scene):
        return wrap(source)
    view = copy.copy(source)
    view.source = _around_files(source.source, wrap)
    return view


def _choose_bands(scene: SceneInput, options: ReadOptions, trained: TrainedOn) -> tuple[tuple[int, ...] | None, Any]:
    """Numbers of the bands that are read, and who chose them."""
    if options.bands is not None:
        return band_numbers(scene.paths, options.bands), "user"
    wanted = None if trained.bands is None else trained.bands.choice
    if wanted is None:
        return None, "all"
    try:
        numbers = band_numbers(scene.paths, wanted)
    except InputError:  # names that this scene does not have
        return None, "all"
    total = Scene(scene.paths, alpha=False, resample=options.files).count
    return (numbers, "training") if max(numbers) <= total else (None, "all")


def _trained_metres(scene: SceneInput, trained: TrainedOn) -> float:
    size = trained.pixel_size
    if size is None or size.unit != "metre":
        said = "nothing" if size is None else f"{size.unit}s"
        raise InputError(
            f"{scene.name}: it is to be resampled to the pixel size of the training, of which the checkpoint says {said}. "
            "tools/publish.py --pixel-size writes it down."
        )
    return (size.width + size.height) / 2


def scene_files(scene: SceneInput) -> Sequence[Path | str]:
    """List the files that say what a scene is: its own, its mask, and the sources of a VRT, which names them only.

    Args:
        scene: The scene.

    Raises:
        RasterError: When a VRT cannot be opened.
    """
    files: list[Path | str] = []
    for path in [*scene.paths, *([scene.mask] if scene.mask else [])]:
        place = locate(path)
        files.append(path)
        if isinstance(place, Path) and place.suffix.lower() == ".vrt":
            files += [file for file in files_behind(Scene(place)) if file != place]
    return files


def scene_input(scene: Any) -> SceneInput:
    """Take a path, several, or a :class:`SceneInput` for a scene.

    Args:
        scene: Any of these.

    Returns:
        The scene; its name is that of its first file.
    """
    if isinstance(scene, SceneInput):
        return scene
    paths = (scene,) if isinstance(scene, (str, Path)) else tuple(scene)
    if not paths:
        raise InputError("A scene needs a file; the list of files is empty.")
    return SceneInput(Path(str(paths[0])).stem, paths)
