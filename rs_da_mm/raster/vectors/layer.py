"""A layer of a vector file: polygons, lines and points with attributes, on any image's grid."""

from __future__ import annotations

import warnings
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rs_da_mm.errors import InputError
from rs_da_mm.raster.ground_box import GroundBox, Placed
from rs_da_mm.raster.locations import Location, locate
from rs_da_mm.raster.same_ground import Extent, outside_message, require_grid
from rs_da_mm.raster.vectors.attributes import Value
from rs_da_mm.raster.vectors.features import Box, Features, LayerSource, read_features, read_values
from rs_da_mm.raster.vectors.libraries import shapely
from rs_da_mm.raster.vectors.mending import GeometryFaults, mend, single_kinds
from rs_da_mm.raster.vectors.opening import choose_layer, read_crs, read_head
from rs_da_mm.raster.vectors.placing import layer_box, place

_warned: set[tuple[str, str]] = set()


class LayerShapes(NamedTuple):
    """What a layer has on an image.

    Attributes:
        shapes: ``(n,)`` shapely geometries in pixel coordinates of the image, column before row, (0, 0) being its outer corner,
            rounded to a 1024th of a pixel. Those of one feature that holds points, lines and polygons follow each other.
        features: ``(n,)``, the id of each one's feature.
        values: Each one's attribute; ``None`` where none was asked for.
        faults: What is wrong with the geometries that were read.
    """

    shapes: NDArray[Any]
    features: NDArray[np.int64]
    values: list[Value] | None
    faults: GeometryFaults


class VectorLayer:
    """A layer of a vector file: GeoPackage, Shapefile, GeoJSON, FlatGeobuf, and whatever else pyogrio opens.

    Only its head is read before something is asked for, and it holds no open file: it can be pickled, and read in any process.
    Files with an index of places (GeoPackage, FlatGeobuf, Shapefile with ``.qix``) are read by place, so that many images share
    one large file; of the others those up to 512 MiB are read once and kept.

    Args:
        path: The file.
        layer: Name of the layer; it can be left out where there is only one.
        where: Which features count, as an SQL condition: ``"class <> 'unknown'"``.

    Raises:
        InputError: When the file cannot be read, or holds no such layer, or several and none is chosen.
    """

    def __init__(self, path: str | Path, layer: str | None = None, where: str | None = None) -> None:
        self.path: Location = locate(path)
        self.layer = choose_layer(self.path, layer)
        head = read_head(self.path, self.layer)
        self.where = where
        self.fields: tuple[str, ...] = tuple(map(str, head["fields"]))
        self.crs: Any = read_crs(self.path, head["crs"])
        self._source = LayerSource(self.path, self.layer, where, bool(head["capabilities"]["fast_spatial_filter"]))

    def __repr__(self) -> str:
        return f"VectorLayer({self.name})"

    @property
    def name(self) -> str:
        """File and layer, for messages."""
        plain = Path(str(self.path)).stem == self.layer
        return str(self.path) if plain else f"{self.path}, layer {self.layer!r}"

    @property
    def source(self) -> LayerSource:
        """Where the features are read from."""
        return self._source

    @property
    def count(self) -> int:
        """Number of features, without those that ``where`` leaves out."""
        if self.where is None:
            return int(read_head(self.path, self.layer, force_feature_count=True)["features"])
        return len(read_features(self._source, None, None).ids)

    @property
    def bounds(self) -> Box | None:
        """Left, bottom, right and top of all features in the layer's coordinates, also of those that ``where`` leaves out.

        ``None`` where none has a geometry.
        """
        return _bounds(self._source, self._source.stamp)

    def values(self, field: str) -> dict[Value, int]:
        """Count the values of an attribute.

        Args:
            field: Its name.

        Returns:
            Value to number of features, in the order in which they first occur; whole numbers as ``int``, missing ones as
            ``None``.

        Raises:
            InputError: When there is no such attribute; the message names those that there are.
        """
        self.require_field(field)
        return dict(Counter(read_values(self._source, field)[1]))

    def shapes_on(self, grid: Placed, field: str | None = None, margin: float = 0.0) -> LayerShapes:
        """Read what lies on an image, in its pixels.

        Edges are straight in the layer's coordinate system, as in any GIS: between two systems long ones are parted. Geometries
        that are not valid are mended, those that cannot be used left out, and both are warned of once per file and process.

        Args:
            grid: The image.
            field: An attribute to read along.
            margin: By how many pixels beyond the image features still count.

        Returns:
            The geometries whose boxes touch the image, or the margin around it, in the order of their features' ids, which is
            that of the layer.

        Raises:
            InputError: When the file cannot be read, the layer or the image names no coordinate system, the image has no affine
                grid, or there is no such attribute.
        """
        if field is not None:
            self.require_field(field)
        where = require_grid(grid, self.name)
        self.require_systems(grid)
        box = layer_box(where, grid.height, grid.width, self.crs, margin + 2)
        if box is None:
            return LayerShapes(np.empty(0, object), np.empty(0, np.int64), None if field is None else [], GeometryFaults())
        features = read_features(self._source, field, box)
        shapes, owners, faulty = _usable(features)
        placed, lost = place(shapes, self.crs, where, box)
        faulty["unplaceable"] = owners[lost]
        faults = GeometryFaults.of({kind: features.ids[found] for kind, found in faulty.items()})
        self._warn(faults, grid)
        left, top, right, bottom = shapely().bounds(placed).reshape(-1, 4).T  # NaN where nothing is left
        kept = (left <= grid.width + margin) & (right >= -margin) & (top <= grid.height + margin) & (bottom >= -margin)
        owners = owners[kept]
        values = None if features.values is None else [features.values[owner] for owner in owners]
        return LayerShapes(placed[kept], features.ids[owners], values, faults)

    def faults(self, grid: Placed | None = None) -> GeometryFaults:
        """Tell what is wrong with the geometries.

        Args:
            grid: Only look at those that lie on this image, which features without geometry never do. Without it, at all of the
                layer.

        Returns:
            The faulty features, counted, and the first of each kind.

        Raises:
            InputError: As :meth:`shapes_on`.
        """
        if grid is not None:
            return self.shapes_on(grid).faults
        features = read_features(self._source, None, None)
        return GeometryFaults.of({kind: features.ids[found] for kind, found in _usable(features)[2].items()})

    def ground_box(self) -> GroundBox | None:
        """Find the stretch of longitudes and latitudes that the layer covers; ``None`` where it cannot be told."""
        extent = self._extent()
        return None if extent is None else extent.box

    def touches(self, grid: Placed) -> bool:
        """Tell whether the box around all features touches an image; where it does, there may still be no feature on it.

        Raises:
            InputError: As :meth:`shapes_on`.
        """
        where = require_grid(grid, self.name)
        self.require_systems(grid)
        here, there = self.bounds, layer_box(where, grid.height, grid.width, self.crs, 0.0)
        if here is None or there is None:
            return False
        return here[0] <= there[2] and there[0] <= here[2] and here[1] <= there[3] and there[1] <= here[3]

    def outside_message(self, grid: Placed) -> str:
        """Say in words that the layer lies outside an image, where both are, and what may be wrong."""
        extent = self._extent()
        if extent is None:
            return f"{self.name} holds no geometry at all."
        return outside_message(extent, Extent.of(grid))

    def require_field(self, field: str) -> None:
        """Refuse an attribute that the layer has not.

        Raises:
            InputError: When it has none of that name; the message names those that there are.
        """
        if field not in self.fields:
            there = ", ".join(map(repr, self.fields)) or "none"
            raise InputError(f"{self.name} has no field {field!r}; its fields are: {there}.")

    def require_systems(self, grid: Placed) -> None:
        """Refuse to lay a layer on an image of which one names no coordinate system.

        Raises:
            InputError: When one of them names none.
        """
        if self.crs is None:
            raise InputError(
                f"{self.name} names no coordinate system (CRS), so its place on {grid.name} cannot be told. Give it one "
                f"(`ogr2ogr -a_srs EPSG:… OUT {self.path}`; a Shapefile carries it in its .prj file)."
            )
        if grid.georeference().crs is None:
            raise InputError(
                f"{grid.name} names no coordinate system (CRS), so the place of {self.name} on it cannot be told. Give it one "
                f"(`rio edit-info --crs EPSG:… {grid.name}`)."
            )

    def _extent(self) -> Extent | None:
        bounds = self.bounds
        if bounds is None or self.crs is None:
            return None
        xs, ys = np.meshgrid(np.linspace(bounds[0], bounds[2], 33), np.linspace(bounds[1], bounds[3], 33))
        return Extent(self.name, self.crs, (xs, ys))

    def _warn(self, faults: GeometryFaults, grid: Placed) -> None:
        key = (str(self.path), self.layer)
        if faults and key not in _warned:
            _warned.add(key)
            warnings.warn(f"{self.name}, on {grid.name}: geometries {faults.spelled}.", stacklevel=3)


@lru_cache(maxsize=16)
def _bounds(source: LayerSource, stamp: Any) -> Box | None:
    found = read_head(source.path, source.layer, force_total_bounds=True)["total_bounds"]
    if found is None or not np.isfinite(found).all():
        return None
    left, bottom, right, top = map(float, found)
    return left, bottom, right, top


def _usable(features: Features) -> tuple[NDArray[Any], NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Geometries of one kind each, valid or ``None``; the feature of each by its index; and the faulty features by kind."""
    shapes, owners = single_kinds(features.shapes)
    mended, faulty = mend(shapes)
    return mended, owners, {kind: owners[found] for kind, found in faulty.items()}
