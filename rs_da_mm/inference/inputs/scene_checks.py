"""Comparing a scene with what a model was trained on, before anything is computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rs_da_mm.errors import InputError
from rs_da_mm.inference.inputs.scene_values import BandValues, compare_values, misfits, sample_pixels
from rs_da_mm.inference.segmentors.trained_on import TrainedOn
from rs_da_mm.raster import PixelSize, Scene, Window
from rs_da_mm.raster.band_scales import band_scales
from rs_da_mm.raster.pixel_size import pixel_metres, pixel_size
from rs_da_mm.raster.source_view import PlacedSource

_TOLERANCE = 1.25
"""Pixels may be this much larger than the largest, or smaller than the smallest, of the training."""
_NO_NAME = re.compile(r"(band[ _]?\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class SceneChoice:
    """What was done to a scene before it is compared.

    Attributes:
        bands: Whether ``'all'`` bands were taken as they are, those by the numbers or names of the ``'training'``, or those that
            the ``'user'`` named; the last may be called whatever they are.
        rescaled: Whether its values were brought to another scale; its dtype then does not count.
        ignore: Whether it is mapped however it differs.
    """

    bands: Literal["all", "training", "user"] = "all"
    rescaled: bool = False
    ignore: bool = False


@dataclass
class SceneFit:
    """What was compared.

    Attributes:
        compared: By subject (``bands``, ``dtype``, ``values``, ``pixel_size``), the scene's and the training's.
        not_compared: By subject, why not.
        differences: What differs, in sentences; the user chose to ignore it.
    """

    compared: dict[str, dict[str, Any]] = field(default_factory=dict)
    not_compared: dict[str, str] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def report(self) -> dict[str, Any]:
        """Give it as JSON can hold it."""
        return {"compared": self.compared, "not_compared": self.not_compared, "ignored_differences": self.differences}

    def note(self, subject: str, scene: Any, trained: Any) -> None:
        """Note a comparison."""
        self.compared[subject] = {"scene": scene, "trained": trained}


def check_scene(
    scene: PlacedSource,
    trained: TrainedOn,
    choice: SceneChoice | None = None,
    has_data: Callable[[Window], bool] | None = None,
) -> SceneFit:
    """Compare a scene with what a model was trained on: bands, dtype, values, pixel size.

    Values are those of up to 16 windows, put through the model's normalisation. They are refused where the middle value of a band
    is more than 8 standard deviations from the mean, or all bands lie within 0.02 of them. Pixels may be a quarter larger or
    smaller than any of the training.

    Args:
        scene: The scene as the model is to see it: with the chosen bands, rescaled and resampled.
        trained: What is known about the training; what is not known is not compared.
        choice: What was done to the scene.
        has_data: Tells whether a rectangle of the scene may hold data.

    Returns:
        What was compared.

    Raises:
        InputError: When anything differs; all differences are named, each with what to do about it.
        RasterError: When a window cannot be read.
    """
    choice = choice or SceneChoice()
    fit = SceneFit()
    _check_bands(scene, trained, choice, fit)
    _check_dtype(scene, trained, choice, fit)
    _check_values(scene, trained, fit, has_data)
    _check_pixel_size(scene, trained, fit)
    if fit.differences and not choice.ignore:
        listed = "; ".join(fit.differences)
        raise InputError(
            f"{scene.name} is not what the model was trained on: {listed}. With --ignore-checks it is mapped as it is; the map "
            "may then be worth nothing."
        )
    return fit


def _check_bands(scene: PlacedSource, trained: TrainedOn, choice: SceneChoice, fit: SceneFit) -> None:
    bands = trained.bands
    if bands is None or bands.count is None:
        fit.not_compared["bands"] = "not known how many the model was trained on"
        return
    names, wanted = _names(scene.descriptions), _names(bands.names)
    fit.note("bands", {"count": scene.count, "names": names}, {"count": bands.count, "names": wanted, "choice": bands.choice})
    called = f" ({', '.join(bands.names)})" if wanted else ""
    taken = f" (the training took {_spelled(bands.choice)} of its scenes)" if bands.choice else ""
    if scene.count != bands.count:
        fit.differences.append(
            f"it has {scene.count} band{'s' * (scene.count != 1)}, the model takes {bands.count}{called}: choose them with "
            f"--bands{_place_of(wanted, names) or taken}"
        )
    elif choice.bands == "user":
        return
    elif names and wanted:
        if names != wanted:
            every = f" ({_spelled(range(1, scene.count + 1))}, if only the names differ)"
            fit.differences.append(
                f"its bands are {', '.join(map(str, scene.descriptions))}, the model's {', '.join(bands.names)}: say which is "
                f"which with --bands{_place_of(wanted, names) or every}"
            )
    elif choice.bands == "all" and bands.choice and bands.choice != tuple(range(1, bands.count + 1)):
        fit.differences.append(f"its bands have no names, and their order may not be the model's: give it with --bands{taken}")


def _check_dtype(scene: PlacedSource, trained: TrainedOn, choice: SceneChoice, fit: SceneFit) -> None:
    if trained.dtype is None or choice.rescaled:
        fit.not_compared["dtype"] = "not known of the training" if trained.dtype is None else "the values are rescaled"
        return
    fit.note("dtype", str(scene.dtype), trained.dtype)
    if str(scene.dtype) != trained.dtype:
        fit.differences.append(
            f"its values are {scene.dtype}, those of the training {trained.dtype}: bring them to the same scale with --rescale "
            "GAIN OFFSET (--rescale 1 0, if they mean the same)"
        )


def _check_values(scene: PlacedSource, trained: TrainedOn, fit: SceneFit, has_data: Callable[[Window], bool] | None) -> None:
    if trained.mean is None or trained.std is None:
        fit.not_compared["values"] = "the model's normalisation is not known"
        return
    if len(trained.mean) not in (1, scene.count):
        fit.not_compared["values"] = "the bands are not as many as the model's"
        return
    pixels = sample_pixels(scene, has_data)
    if pixels is None:
        fit.not_compared["values"] = "no data was found in the scene"
        return
    values = compare_values(pixels, trained.mean, trained.std)
    fit.note(
        "values",
        [{"median": band.median, "low": band.low, "high": band.high, "median_z": band.median_z} for band in values],
        {"mean": list(trained.mean), "std": list(trained.std)},
    )
    wrong = misfits(values)
    if wrong:
        described = ", ".join(_described(place, scene.descriptions[place], values[place]) for place in wrong)
        fit.differences.append(
            f"its values are of another scale: {described}: use --rescale GAIN OFFSET{_own_scale(scene, trained, pixels)}"
        )


def _check_pixel_size(scene: PlacedSource, trained: TrainedOn, fit: SceneFit) -> None:
    if trained.pixel_size is None or trained.pixel_size_range is None:
        fit.not_compared["pixel_size"] = "not known of the training"
        return
    size = _comparable_size(scene, trained.pixel_size.unit)
    if size is None:
        fit.not_compared["pixel_size"] = f"the scene's is not known in the unit of the training ({trained.pixel_size.unit})"
        return
    smallest, largest = trained.pixel_size_range
    fit.note("pixel_size", list(size), {"range": [smallest, largest], "unit": size.unit})
    if not smallest / _TOLERANCE <= min(size[:2]) <= max(size[:2]) <= largest * _TOLERANCE:
        span = f"{smallest:.4g}" if smallest == largest else f"{smallest:.4g} to {largest:.4g}"
        fit.differences.append(
            f"its pixels are {size.width:.4g} x {size.height:.4g} {size.unit}s, those of the training {span}: bring it to "
            "their size with --resample bilinear"
        )


def _comparable_size(scene: PlacedSource, unit: str) -> PixelSize | None:
    """The scene's pixel in the training's unit; a grid of degrees is measured in the middle of the scene."""
    grid: Any = scene
    size = pixel_metres(scene) if unit == "metre" else pixel_size(grid)
    return size if size is not None and size.unit == unit != "unknown" else None


def _innermost(scene: Any) -> Any:
    """The scene itself, out of what changes its pixels."""
    while not isinstance(scene, Scene) and hasattr(scene, "source"):
        scene = scene.source
    return scene


def _own_scale(scene: PlacedSource, trained: TrainedOn, pixels: Any) -> str:
    """Say so where the scale that the file itself states would do."""
    file = _innermost(scene)
    scales = set(band_scales(file)) if isinstance(file, Scene) else set()
    if len(scales) != 1 or scales == {(1.0, 0.0)} or trained.mean is None or trained.std is None:
        return ""
    gain, offset = scales.pop()
    if misfits(compare_values(pixels, trained.mean, trained.std, gain, offset)):
        return ""
    return f" ({gain:g} {offset:g}, as the file itself says, would do)"


def _described(place: int, name: str | None, band: BandValues) -> str:
    called = f" ({name})" if name else ""
    return (
        f"band {place + 1}{called} has a median of {band.median:.4g} and lies between {band.low:.4g} and {band.high:.4g}, the "
        f"training had a mean of {band.mean:.4g} and a standard deviation of {band.std:.4g}"
    )


def _names(names: Sequence[str | None]) -> list[str] | None:
    """Names to compare by, ``None`` where a band has none that says anything."""
    if not names or any(_NO_NAME.fullmatch(name or "") for name in names):
        return None
    return [str(name).casefold() for name in names]


def _place_of(wanted: list[str] | None, names: list[str] | None) -> str:
    if not wanted or not names or not set(wanted) <= set(names):
        return ""
    return f" {_spelled([names.index(name) + 1 for name in wanted])}"


def _spelled(bands: Sequence[int | str]) -> str:
    return ",".join(map(str, bands))
