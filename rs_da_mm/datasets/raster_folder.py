"""Anybody's own data: images, labels, heights and masks as they lie in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rs_da_mm.datasets.band_choice import require_same_order
from rs_da_mm.datasets.base import SceneWindowDataset
from rs_da_mm.datasets.class_codes import parse_label_codes
from rs_da_mm.datasets.folder_settings import FolderSettings
from rs_da_mm.datasets.image_scales import ImageScale
from rs_da_mm.datasets.label_code import LabelCode
from rs_da_mm.datasets.label_sources import label_source
from rs_da_mm.datasets.layout import SceneFiles, SceneLayout
from rs_da_mm.datasets.provenance import plain
from rs_da_mm.datasets.quality_masks import quality_masks
from rs_da_mm.datasets.splits import PARTS
from rs_da_mm.datasets.window_scheme import PlacedScene
from rs_da_mm.datasets.window_selection import WindowSelection
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Edge, Resampling, Scene
from rs_da_mm.registry import DATASETS

_REPLACED = {
    **dict.fromkeys(("image_dir", "image_suffixes"), "images='images/{scene}.tif'"),
    **dict.fromkeys(("label_dir", "label_suffixes", "label_rename"), "labels='labels/{scene}.tif'"),
    **dict.fromkeys(("label_colours", "label_values"), "label_codes={1: 'forest'}"),
    "mask_dir": "masks=[dict(path='masks/{scene}.tif', kind='zero')]",
}


@DATASETS.register_module()
class RasterFolderDataset(SceneWindowDataset):
    """Images of any bands, with labels that are rasters or shapes, from a folder of one's own.

    A pattern names files under ``data_root``; ``{scene}`` stands for the scene's name, and every other field, as in
    ``'{city}/{date}/{scene}.tif'``, is a group that a split can go by. A scene is called by its fields, joined by ``/``;
    without fields by the image's path without suffix. ``*``, ``?`` and ``**/`` are wildcards.

    Everything is brought onto the grid of the image as it is read, window by window: labels and masks by the nearest pixel,
    through the coordinate systems. Scenes without a label, and scenes that no label touches, are left out, and a line in the
    log says so; so are windows without a labelled pixel.

    Args:
        data_root: The folder.
        images: A pattern; or several, whose files together make one scene, bands counted on from file to file, as in
            ``['{scene}/B02.tif', '{scene}/B11.tif']``.
        labels: A pattern, or one file for all scenes: a raster of classes or colours, on any grid. Or
            ``dict(path=…, band=…)``. Or shapes: ``dict(path=…, layer=…, field=…, where=…, line_width=…, point_radius=…,
            all_touched=…, shape_class=…, background=…)``, see :class:`~rs_da_mm.datasets.vector_labels.VectorChoice`.
        heights: A pattern, or one file for all scenes: heights that
            :class:`~rs_da_mm.datasets.transforms.load_height.LoadHeight` loads.
        masks: Quality masks: ``[dict(path=pattern, kind='scl'|'landsat_qa'|'bits'|'values'|'zero', invalid=[…], band=1)]``, see
            :class:`~rs_da_mm.datasets.quality_rules.QualityRule`. What they call invalid is not valid in ``valid_mask``.
        area_of_interest: A vector file, ``dict(path=…, layer=…, where=…)``, or (west, south, east, north) in the images'
            coordinate system: outside of it nothing is labelled.
        list_file: A table of scenes in place of the images' pattern, see
            :func:`~rs_da_mm.datasets.scene_list.read_scene_table`.
        scenes: Names of the scenes that are used; or the scenes themselves, one dict per scene as a line of such a table.
        groups: Further groups: ``dict(city='^[a-z]+')`` gives each scene the part of its name that the expression finds.
        label_codes: Class (name, index, or ``'ignore'``) of each value, colour or attribute, see
            :func:`~rs_da_mm.datasets.class_codes.parse_label_codes`. Several may stand for one class.
        other_labels: What becomes of labels that ``label_codes`` does not name: ``'error'`` or ``'ignore'``.
        band_names: Names of the bands, in place of the files' own.
        bands: Band numbers counted from 1, or names; all when it is not given.
        scale: With ``offset``: images become ``stored * scale + offset`` in float32. Numbers, one or one per chosen band; or a
            name, see :class:`~rs_da_mm.datasets.image_scales.ImageScale`: ``'file'``, ``'sentinel2'``.
        offset: See ``scale``.
        nodata: The value that means "no data" in images, in place of the files' own.
        resample: How image files of one scene that differ in pixel size are brought to the finest: ``'nearest'``,
            ``'bilinear'`` or ``'cubic'``; ``None`` refuses them.
        metainfo: ``dict(classes=(…), palette=[…])``; colours are made up where there is no palette.
        window_size: See :class:`~rs_da_mm.datasets.base.SceneWindowDataset`; 256 when it is not given.
        edge: As there, but ``'pad'`` when it is not given: nothing is lost, and what lies beyond an image is ignored.
        max_ignored: As there; when it is not given, windows without any labelled pixel are left out.
        **options: Further arguments of :class:`~rs_da_mm.datasets.base.SceneWindowDataset`: ``stride``, ``split``, ``part``,
            ``split_file``, ``cache_dir``, ``pipeline``, ``test_mode``, …

    Raises:
        DatasetError: When something is missing or contradicts itself; labels that lie outside every image, bands that differ
            from file to file in number or order, and a class without a pixel in training among them.
        InputError: When a file cannot be opened, or does not tell where it lies.
    """

    WINDOW_SIZE = 256
    MAX_IGNORED = 0.999999999

    def __init__(
        self,
        data_root: str | Path | None = None,
        *,
        images: str | Sequence[str] | None = None,
        labels: str | Mapping[str, Any] | None = None,
        heights: str | None = None,
        masks: Sequence[Mapping[str, Any]] = (),
        area_of_interest: Any = None,
        list_file: str | Path | None = None,
        scenes: Sequence[str] | Sequence[Mapping[str, Any]] | None = None,
        groups: Mapping[str, str] | None = None,
        label_codes: Mapping[Any, Any] | Sequence[tuple[Any, Any]] | None = None,
        other_labels: str = "error",
        band_names: Sequence[str] | None = None,
        bands: Sequence[int | str] | None = None,
        scale: float | Sequence[float] | str | None = None,
        offset: float | Sequence[float] | None = None,
        nodata: float | None = None,
        resample: Resampling | None = None,
        metainfo: Mapping[str, Any] | None = None,
        edge: Edge = "pad",
        **options: Any,
    ) -> None:
        _require_own(options)
        metainfo = dict(metainfo or {})
        named = metainfo.get("classes") or ()
        classes = (named,) if isinstance(named, str) else tuple(map(str, named))
        metainfo["classes"] = classes
        if not classes:
            raise DatasetError(
                "The data set has no classes; name them, class 0 first: metainfo=dict(classes=('water', 'forest'))."
            )
        self._own_code = parse_label_codes(label_codes, classes, metainfo.get("palette"), other_labels)
        if not metainfo.get("palette"):
            from rs_da_mm.visualization.colours import default_palette

            metainfo["palette"] = default_palette(len(classes))
        self.image_scale = ImageScale.parse(scale, offset)
        if nodata is None and self.image_scale is not None and self.image_scale.is_sentinel2:
            nodata = 0
        root = Path(self.DEFAULT_ROOT if data_root is None else data_root)
        settings = FolderSettings(images, labels, heights, masks, area_of_interest, list_file, scenes, groups, nodata, resample)
        self._patterns = settings.layout(root, classes)
        self._own_names = tuple(map(str, band_names or ()))
        self._files: dict[str, SceneFiles] = {}
        super().__init__(data_root, scenes=settings.chosen_scenes, bands=bands, metainfo=metainfo, edge=edge, **options)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Give a sample's dict, with what reads its labels (``label_source``), scale (``image_scale``) and ``quality_masks``."""
        info = super().get_data_info(idx)
        files = self._files[info["scene"]]
        info["label_source"] = label_source(files, self.label_code)
        if self.image_scale is not None:
            info["image_scale"] = self.image_scale
        if files.quality:
            info["quality_masks"] = quality_masks(files)
        return info

    def _own_layout(self) -> SceneLayout:
        return self._patterns

    def _own_label_code(self, classes: Sequence[str]) -> LabelCode:
        return self._own_code

    def _names_in_folders(self) -> Sequence[str]:
        return self._own_names

    def _value_parameters(self) -> dict[str, Any]:
        scale = self.image_scale
        return {} if scale is None else plain(scale.parameters())

    def _record(self, files: SceneFiles, bands: tuple[int, ...] | None) -> dict[str, Any]:
        further = {
            "resample": files.reading.resample,
            "nodata": files.reading.nodata,
            "height_path": None if files.height is None else str(files.height),
            "groups": dict(files.groups) or None,
        }
        return {**super()._record(files, bands), **{key: value for key, value in further.items() if value is not None}}

    def _check(self, selection: WindowSelection, placed: Sequence[PlacedScene], bands: tuple[int, ...] | None) -> None:
        self._files = {scene.files.scene: scene.files for scene in placed if scene.windows}
        header = placed[0].header
        if self._own_names and len(self._own_names) not in (header.bands, len(header.all_descriptions)):
            raise DatasetError(
                f"band_names has {len(self._own_names)} names ({', '.join(self._own_names)}), and {placed[0].files.images[0]} "
                f"{header.bands} bands; give one per band."
            )
        if not self._own_names:
            require_same_order(placed)
        _require_grid(placed[0], bands)
        if self.part == PARTS[0] and not self.test_mode:
            self._require_every_class(selection, placed)

    def _require_every_class(self, selection: WindowSelection, placed: Sequence[PlacedScene]) -> None:
        corners = ({"scene": scene.files.scene, "window": window} for scene in placed for window in scene.windows)
        pixels = selection.counts_of(corners).sum(axis=0)[:-1]
        missing = [name for name, count in zip(self.classes, pixels.tolist(), strict=True) if not count]
        if missing:
            there = ", ".join(f"{name} {int(count)}" for name, count in zip(self.classes, pixels, strict=True))
            raise DatasetError(
                f"No pixel of {', '.join(map(repr, missing))} is in the training part of '{self.root}' (pixels: {there}), so it "
                "cannot be learned. Take the class out of metainfo's classes, merge it with another in label_codes, see whether "
                "label_codes names it rightly, or draw another split (seed=…, smaller blocks, stratified=True)."
            )


def _require_own(options: Mapping[str, Any]) -> None:
    """Refuse arguments of the class below that patterns and codes stand in for here: they would count for nothing."""
    wrong = sorted(_REPLACED.keys() & options.keys())
    if wrong:
        raise DatasetError(f"RasterFolderDataset has no {wrong[0]}; give {_REPLACED[wrong[0]]}.")


def _require_grid(scene: PlacedScene, bands: tuple[int, ...] | None) -> None:
    """Refuse a choice of bands that leaves out all of the finest pixels, which are the grid of labels and windows."""
    files, header = scene.files, scene.header
    if bands is None or len(files.images) == 1:
        return
    chosen = Scene(files.images, bands, resample=files.reading.resample)
    if chosen.shape != (header.height, header.width):
        raise DatasetError(
            f"bands={list(bands)} of {files.images[0]} and the other files have {chosen.height} x {chosen.width} pixels, and all "
            f"files together {header.height} x {header.width}: name only the files whose bands are used in images=[…]."
        )
