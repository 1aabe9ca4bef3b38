"""Assess a map with reference data: `python tools/assess.py MAP REFERENCE`.

MAP is a raster of class numbers. REFERENCE is a file of points or polygons with a class each (GeoPackage, Shapefile, GeoJSON, or
CSV with lon and lat or x and y), or a raster of classes. Prints accuracy and area of each class with confidence intervals, after
Olofsson et al. (2014). With --sample, REFERENCE is where points to be labelled go: a stratified random sample of the map.
docs/accuracy.md tells more.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rs_da_mm.engine.command_line import run_tool
from rs_da_mm.errors import InputError
from rs_da_mm.evaluation.assessment import Request, SampleRequest, as_json, as_markdown, as_text, assess_map, draw_sample
from rs_da_mm.files import atomic_write_json, atomic_write_text

_AUTO = "auto"
_OF_ASSESSING = (
    "strata",
    "stratum_sizes",
    "design",
    "field",
    "layer",
    "crs",
    "codes",
    "extra_classes",
    "json",
    "markdown",
)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("map", metavar="MAP", type=Path, help="the map")
    parser.add_argument("reference", metavar="REFERENCE", type=Path, help="points, polygons or a raster of the truth")
    group = parser.add_argument_group("reference")
    group.add_argument("--field", metavar="NAME", help="the field that holds the class (default: class, reference, label, …)")
    group.add_argument("--layer", metavar="NAME", help="the layer, where a file has several")
    group.add_argument("--crs", metavar="EPSG:…", help="the coordinate system of a file that names none")
    group.add_argument(
        "--codes", nargs="+", default=[], metavar="VALUE=CLASS", help="what a value means: a class of the map, or ignore"
    )
    group.add_argument("--extra-classes", nargs="+", default=[], metavar="NAME", help="classes that the map does not have")
    group = parser.add_argument_group("sample")
    group.add_argument(
        "--design",
        choices=["stratified", "random", "polygons", "wall-to-wall"],
        help="how the reference was chosen (default: stratified for points, polygons, wall-to-wall for a raster)",
    )
    group.add_argument("--strata", metavar="RASTER|FIELD", help="the strata of the points, where they are not the classes of MAP")
    group.add_argument("--stratum-sizes", nargs="+", default=[], metavar="NAME=SIZE", help="how large the strata of a field are")
    group.add_argument("--confidence", type=float, default=0.95, metavar="SHARE", help="of the intervals (default: 0.95)")
    group = parser.add_argument_group("output")
    group.add_argument("--json", type=Path, metavar="FILE", help="write the numbers in full precision")
    group.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    _add_drawing_arguments(parser.add_argument_group("drawing points to label"))
    return parser.parse_args()


def _add_drawing_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--sample", type=_points, metavar="N", help="draw N points; auto: as many as --standard-error needs")
    group.add_argument("--allocation", choices=["proportional", "equal", "neyman"], default="proportional", help="among classes")
    group.add_argument("--minimum", type=int, default=50, metavar="N", help="points of each class at least (default: 50)")
    group.add_argument("--standard-error", type=float, default=0.01, metavar="SHARE", help="wanted of overall accuracy (0.01)")
    group.add_argument("--expected", nargs="+", default=[], metavar="CLASS=SHARE", help="user's accuracy expected (0.85)")
    group.add_argument("--seed", type=int, default=0, help="of the choice (default: 0)")


def _points(text: str) -> int | str:
    if text != _AUTO and not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text} is neither a number of points nor {_AUTO}")
    return text if text == _AUTO else int(text)


def _pairs(option: str, words: list[str]) -> dict[str, str]:
    """Take NAME=VALUE apart."""
    pairs = {}
    for word in words:
        name, equals, value = word.rpartition("=")
        if not equals or not name.strip() or not value.strip():
            raise InputError(f"{option} {word}: NAME=VALUE was expected.")
        pairs[name.strip()] = value.strip()
    return pairs


def _numbers(option: str, words: list[str]) -> dict[str, float]:
    """Take NAME=NUMBER apart."""
    return {name: _number(option, name, value) for name, value in _pairs(option, words).items()}


def _number(option: str, name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise InputError(f"{option} {name}={value}: {value} is no number.") from None


def draw(arguments: argparse.Namespace) -> None:
    """Draw points to label."""
    useless = [name for name in _OF_ASSESSING if getattr(arguments, name)]
    if useless:
        hint = " To draw within strata, give their raster as MAP." if "strata" in useless else ""
        raise InputError(f"--{useless[0].replace('_', '-')}: does not go with --sample, which draws points to label.{hint}")
    request = SampleRequest(
        arguments.map,
        arguments.reference,
        None if arguments.sample == _AUTO else arguments.sample,
        arguments.allocation,
        arguments.minimum,
        arguments.standard_error,
        _numbers("--expected", arguments.expected),
        arguments.seed,
    )
    drawn = draw_sample(request)
    for name, share, points in zip(drawn.classes, drawn.shares, drawn.points, strict=True):
        print(f"{name}: {100 * share:.2f} % of the map, {points} points")
    print(
        f"{drawn.points.sum()} points are in {arguments.reference}, in random order and without what the map says. Put the class "
        f"that you see into the field class of each, then: python tools/assess.py {arguments.map} {arguments.reference}"
    )


def assess(arguments: argparse.Namespace) -> None:
    """Compare, show and write."""
    inputs = [path.absolute() for path in (arguments.map, arguments.map.with_suffix(".json"), arguments.reference)]
    for path in (arguments.json, arguments.markdown):
        if path is not None and path.absolute() in inputs:
            raise InputError(f"{path}: is the map, its record, or the reference; write the report elsewhere.")
    assessment = assess_map(
        Request(
            arguments.map,
            arguments.reference,
            field=arguments.field,
            layer=arguments.layer,
            crs=arguments.crs,
            design=arguments.design,
            strata=arguments.strata,
            stratum_sizes=_numbers("--stratum-sizes", arguments.stratum_sizes),
            codes=_pairs("--codes", arguments.codes),
            extra_classes=arguments.extra_classes,
            confidence=arguments.confidence,
        )
    )
    print(as_text(assessment))
    try:
        if arguments.json is not None:
            atomic_write_json(arguments.json, as_json(assessment))
        if arguments.markdown is not None:
            atomic_write_text(arguments.markdown, as_markdown(assessment))
    except OSError as error:
        raise InputError(f"{error.filename or 'the report'} could not be written: {error.strerror}.") from error


def main() -> None:
    """Draw or assess."""
    arguments = parse_arguments()
    if arguments.sample is None:
        assess(arguments)
    else:
        draw(arguments)


if __name__ == "__main__":
    run_tool(main)
