"""Writing polygons to a GeoPackage, some at a time; the package `pyogrio` does it, an optional dependency."""

from __future__ import annotations

import importlib
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from rs_da_mm.errors import InputError
from rs_da_mm.partial_files import begin_partial, publish

_STYLES = "layer_styles"
_SYNCHRONOUS = "OGR_SQLITE_SYNCHRONOUS"
_JOURNALS = ("-journal", "-wal", "-shm")


def require_pyogrio() -> Any:
    """Import pyogrio.

    Raises:
        InputError: When it is not installed; the message says how to get it.
    """
    try:
        importlib.import_module("pyogrio.raw")
        return importlib.import_module("pyogrio")
    except ImportError as error:
        raise InputError(
            "polygons are written by the package pyogrio, which is not installed: pip install 'rs_da_mm[vectors]', or leave "
            "the vectors out."
        ) from error


class GeoPackageWriter:
    """Writes one layer of polygons, atomically: a context manager.

    Args:
        path: Where it goes, ``.gpkg``.
        layer: Name of the layer.
        crs: Well-known text of the CRS, or ``None``.
        fields: Name and NumPy dtype of the attributes (``object`` for text).

    Raises:
        InputError: When pyogrio is missing, the suffix is another, or the file cannot be written.
    """

    def __init__(self, path: str | Path, layer: str, crs: str | None, fields: Mapping[str, Any]) -> None:
        self._pyogrio = require_pyogrio()
        self.path = Path(path)
        if self.path.suffix.lower() != ".gpkg":
            raise InputError(f"{self.path}: polygons are written as GeoPackage; give it the suffix .gpkg.")
        self._layer, self._crs, self._fields = layer, crs, dict(fields)
        self._count = 0
        self._partial = begin_partial(self.path)
        self._write_layer([], [[] for _ in self._fields], append=False)

    def __enter__(self) -> GeoPackageWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if kind is None:
                self._check()
                publish(self._partial, self.path)
        except OSError as failure:
            raise self._failed(failure) from failure
        finally:
            self._discard()

    def write(self, shapes: Sequence[bytes], values: Sequence[Sequence[Any]]) -> None:
        """Add polygons.

        Args:
            shapes: Well-known binary of each.
            values: For each attribute, its value for each polygon.

        Raises:
            InputError: When they cannot be written.
        """
        self._write_layer(shapes, values, append=True)
        self._count += len(shapes)

    def set_style(self, name: str, qml: str) -> None:
        """Give the layer a QGIS style, kept inside the file and taken by QGIS for the layer's own.

        Args:
            name: The style's name.
            qml: Its text.

        Raises:
            InputError: When it cannot be written.
        """
        texts = {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": self._layer,
            "f_geometry_column": "geom",
            "styleName": name,
            "styleQML": qml,
            "styleSLD": "",
            "description": name,
            "owner": "",
            "ui": "",
        }
        moment = np.array([datetime.now(timezone.utc).replace(tzinfo=None)], "datetime64[ms]")
        columns = [np.array([text], object) for text in texts.values()] + [np.array([True]), moment]
        self._write(None, columns, [*texts, "useAsDefault", "update_time"], layer=_STYLES, append=True)

    def _write_layer(self, shapes: Sequence[bytes], values: Sequence[Sequence[Any]], append: bool) -> None:
        geometry = np.empty(len(shapes), object)
        geometry[:] = list(shapes)
        columns = [np.array(column, dtype) for column, dtype in zip(values, self._fields.values(), strict=True)]
        options: dict[str, Any] = {"layer": self._layer, "geometry_type": "Polygon", "crs": self._crs, "append": append}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'crs' was not provided")  # a photograph has none
            self._write(geometry, columns, list(self._fields), **options)

    def _write(self, geometry: Any, columns: list[Any], fields: list[str], **options: Any) -> None:
        try:
            with _without_waiting(self._pyogrio):
                self._pyogrio.raw.write(self._partial, geometry, columns, np.array(fields, object), driver="GPKG", **options)
        except (OSError, RuntimeError, ValueError) as error:
            self._discard()
            raise self._failed(error) from error

    def _check(self) -> None:
        """Compare the file with what was written: SQLite's errors do not always come through."""
        try:
            found = self._pyogrio.read_info(self._partial, layer=self._layer, force_feature_count=True)["features"]
        except RuntimeError as error:
            raise OSError(str(error)) from error
        if found != self._count:
            raise OSError(f"{found} of {self._count} polygons can be read again")

    def _failed(self, error: BaseException) -> InputError:
        # Of a full disk SQLite says that its tables are missing.
        room = f"{shutil.disk_usage(self.path.absolute().parent).free / 1e6:.0f} MB are free there"
        return InputError(
            f"{self.path} could not be written: {error} ({room}). Nothing was put in place; an older file is as it was."
        )

    def _discard(self) -> None:
        for path in (self._partial, *(self._partial.with_name(self._partial.name + suffix) for suffix in _JOURNALS)):
            path.unlink(missing_ok=True)


@contextmanager
def _without_waiting(pyogrio: Any) -> Iterator[None]:
    """Keep SQLite from waiting for the disk at every step: nobody needs an unfinished file, and the finished one is brought onto
    the disk as a whole. Where the disk refuses, SQLite falls back to a step per polygon, which would take minutes otherwise.
    """
    before = pyogrio.get_gdal_config_option(_SYNCHRONOUS)
    pyogrio.set_gdal_config_options({_SYNCHRONOUS: "OFF"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({_SYNCHRONOUS: before})
