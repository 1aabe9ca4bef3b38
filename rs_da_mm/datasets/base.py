"""What every data set of scenes shares: files by name, windows, splits, legends. The next data set is a few lines on top."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from numpy.typing import NDArray

from rs_da_mm.datasets.band_choice import choose_bands
from rs_da_mm.datasets.class_choice import choose_classes, make_label_code
from rs_da_mm.datasets.label_code import Colour, LabelCode
from rs_da_mm.datasets.layout import Layout, SceneFiles, SceneLayout
from rs_da_mm.datasets.provenance import Provenance, plain
from rs_da_mm.datasets.random_windows import RandomWindows
from rs_da_mm.datasets.samples.marker import sample_notice
from rs_da_mm.datasets.scene_choice import choose_scenes
from rs_da_mm.datasets.split_file import SplitSpec
from rs_da_mm.datasets.splits import PARTS
from rs_da_mm.datasets.transforms.draws import integer
from rs_da_mm.datasets.window_list import WindowList
from rs_da_mm.datasets.window_scheme import PlacedScene, WindowScheme
from rs_da_mm.datasets.window_selection import ALL, WindowSelection
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import Edge, Window
from rs_da_mm.registry import DATASETS


@DATASETS.register_module()
class SceneWindowDataset(BaseDataset):
    """Labelled scenes, read by window.

    A data set states its classes and layout in class attributes. All of it can also be given as arguments, the classes as
    ``metainfo=dict(classes=…, palette=…)``, so that this class itself serves for data of one's own.

    Attributes:
        METAINFO: ``classes`` (names, class 0 first) and ``palette`` (their colours).
        DEFAULT_ROOT: The folder when none is given.
        IMAGE_DIR: Folder of the images.
        LABEL_DIR: Folder of the labels.
        IMAGE_SUFFIXES: What follows a scene's name in its image's name.
        LABEL_SUFFIXES: What follows it in its label's name; the first that exists is taken.
        LABEL_RENAME: A part of a scene's name, and what stands for it in its label's name.
        LABEL_COLOURS: Class of each colour in label files; the palette when it is not given.
        IGNORED_COLOURS: Colours that stand for "unknown", and become 255.
        LABEL_VALUES: Class of each value in label files of one band without the legend's palette; ``None`` when there are none.
        BANDS: Names of the bands in each image folder.
        SCENE_LISTS: Lists of scenes that a config can name, such as a paper's.
        WINDOW_SIZE: Rows and columns of a window, or ``'whole'``.
        MAX_IGNORED: Largest share of unknown pixels in a window.
        NUMBERED_PATCHES: Each image is a patch of a larger, unknown scene, and their names count along it.
        SAMPLE_NAME: What ``tools/make_sample_data.py`` calls its miniature.

    Args:
        data_root: The data set's folder.
        image_dir: Folder of the images; of several, their bands are counted on from folder to folder.
        label_dir: Folder of the labels.
        mask_dir: Folder of rasters, named as the images, that are 0 where there is no data.
        image_suffixes: See ``IMAGE_SUFFIXES``.
        label_suffixes: See ``LABEL_SUFFIXES``.
        label_rename: See ``LABEL_RENAME``.
        label_colours: See ``LABEL_COLOURS``; ignored ones are 255. A list of pairs will do too.
        label_values: See ``LABEL_VALUES``.
        scenes: Names of scenes, or the name of a list in ``SCENE_LISTS``; all that are there when it is not given.
        window_size: Rows and columns of a window in pixels, one number or two, or ``'whole'`` to take every image whole.
        stride: Rows and columns from one window to the next; the size when it is not given.
        edge: What happens to the rest at the edge: ``'drop'``, ``'pad'`` or ``'shift'``.
        max_ignored: Windows with *more* than this share (0 to 1) of unknown pixels are left out before anything is split.
        split: ``dict(type='random'|'blocked'|'ground'|'group', ratios=(0.6, 0.2, 0.2), seed=0, …)``, see
            :class:`~rs_da_mm.datasets.split_spec.SplitSpec`; without it, one part.
        part: ``'train'``, ``'val'``, ``'test'``, or ``'all'`` for the windows of all of them.
        split_file: Where the split is kept. Without ``split`` it must exist, and is taken as it is.
        cache_dir: Where splits and class counts are kept; ``splits`` in the data set's folder when it is not given.
        random_windows: Whether a window is moved by a random offset each time it is loaded, so that the windows of an epoch begin
            anywhere; never into another part. See :class:`~rs_da_mm.datasets.random_windows.RandomWindows`. For training only.
        bands: Band numbers counted from 1, or names; all when it is not given.
        pipeline: Transforms.
        test_mode: See ``mmengine.dataset.BaseDataset``.
        metainfo: Other meta information. ``classes`` may name some of the classes in an order of its own; others are then
            ignored.
        indices: See ``mmengine.dataset.BaseDataset``.
        serialize_data: See ``mmengine.dataset.BaseDataset``.
        lazy_init: See ``mmengine.dataset.BaseDataset``.
        max_refetch: See ``mmengine.dataset.BaseDataset``.

    Raises:
        DatasetError: When the data set is missing, incomplete or contradicts itself, or an argument cannot be meant so.
        RasterError: When a scene cannot be opened.
    """

    DEFAULT_ROOT: ClassVar[str] = "data"
    IMAGE_DIR: ClassVar[str | Sequence[str]] = "images"
    LABEL_DIR: ClassVar[str] = "labels"
    IMAGE_SUFFIXES: ClassVar[Sequence[str]] = (".tif",)
    LABEL_SUFFIXES: ClassVar[Sequence[str]] = (".tif",)
    LABEL_RENAME: ClassVar[tuple[str, str]] = ("", "")
    LABEL_COLOURS: ClassVar[Mapping[Colour, int] | None] = None
    IGNORED_COLOURS: ClassVar[Sequence[Colour]] = ()
    LABEL_VALUES: ClassVar[Mapping[int, int] | None] = None
    BANDS: ClassVar[Mapping[str, Sequence[str]]] = {}
    SCENE_LISTS: ClassVar[Mapping[str, Sequence[str]]] = {}
    WINDOW_SIZE: ClassVar[int | tuple[int, int] | str] = "whole"
    MAX_IGNORED: ClassVar[float] = 1.0
    NUMBERED_PATCHES: ClassVar[bool] = False
    SAMPLE_NAME: ClassVar[str | None] = None

    def __init__(
        self,
        data_root: str | Path | None = None,
        *,
        image_dir: str | Sequence[str] | None = None,
        label_dir: str | None = None,
        mask_dir: str | None = None,
        image_suffixes: str | Sequence[str] | None = None,
        label_suffixes: str | Sequence[str] | None = None,
        label_rename: tuple[str, str] | None = None,
        label_colours: Mapping[Colour, int] | Sequence[tuple[Colour, int]] | None = None,
        label_values: Mapping[int, int] | None = None,
        scenes: str | Sequence[str] | None = None,
        window_size: int | tuple[int, int] | str | None = None,
        stride: int | tuple[int, int] | None = None,
        edge: Edge = "drop",
        max_ignored: float | None = None,
        split: Mapping[str, Any] | None = None,
        part: str = "train",
        split_file: str | Path | None = None,
        cache_dir: str | Path | None = None,
        random_windows: bool = False,
        bands: Sequence[int | str] | None = None,
        pipeline: Sequence[dict[str, Any] | Callable[..., Any]] = (),
        test_mode: bool = False,
        metainfo: Mapping[str, Any] | None = None,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        lazy_init: bool = False,
        max_refetch: int = 1000,
    ) -> None:
        _require_part(part, split is not None or split_file is not None)
        if random_windows and test_mode:
            raise DatasetError("random_windows=True would test on other windows each time; leave it out where test_mode is set.")
        wanted = self._load_metainfo(metainfo)
        own = self.METAINFO if self.METAINFO else wanted
        classes = choose_classes(own, wanted)
        self.root = Path(self.DEFAULT_ROOT if data_root is None else data_root)
        self._image_dirs = _tuple(self.IMAGE_DIR if image_dir is None else image_dir)
        self.layout: SceneLayout = self._own_layout() or Layout(
            self.root,
            self._image_dirs,
            self.LABEL_DIR if label_dir is None else label_dir,
            _tuple(self.IMAGE_SUFFIXES if image_suffixes is None else image_suffixes),
            _tuple(self.LABEL_SUFFIXES if label_suffixes is None else label_suffixes),
            self.LABEL_RENAME if label_rename is None else (label_rename[0], label_rename[1]),
            mask_dir,
            self._advice(),
        )
        self.scheme = WindowScheme.parse(self.WINDOW_SIZE if window_size is None else window_size, stride, edge)
        self.max_ignored = _share(self.MAX_IGNORED if max_ignored is None else max_ignored)
        self.label_code = self._own_label_code(classes["classes"]) or make_label_code(
            own,
            classes["classes"],
            self.LABEL_COLOURS if label_colours is None else label_colours,
            self.IGNORED_COLOURS if label_colours is None else (),
            self.LABEL_VALUES if label_values is None else label_values,
        )
        self.split_spec = None if split is None else SplitSpec.parse(split)
        self.split_file = None if split_file is None else Path(split_file)
        self.cache_dir = self.root / "splits" if cache_dir is None else Path(cache_dir)
        self.part, self.scenes, self.bands = part, scenes, bands
        self.random_windows, self._moving = random_windows, RandomWindows({})
        self.provenance = Provenance({})
        self.band_names: tuple[str, ...] = ()
        super().__init__(
            metainfo={**(metainfo or {}), **classes},
            data_root=str(self.root),
            data_prefix={},
            indices=indices,
            serialize_data=serialize_data,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
            max_refetch=max_refetch,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, class 0 first."""
        return tuple(self._metainfo["classes"])

    def selection(self) -> WindowSelection:
        """How the windows of this data set are chosen."""
        return WindowSelection(
            self.layout,
            self.scheme,
            self.label_code,
            len(self.classes),
            choose_scenes(self.scenes, self.SCENE_LISTS, self.layout),
            self.max_ignored,
            self.split_spec,
            self.split_file,
            self.cache_dir,
            self.NUMBERED_PATCHES,
            self.classes,
        )

    def load_data_list(self) -> Sequence[dict[str, Any]]:
        """List the samples of the part, scene by scene, each scene's row by row.

        Returns:
            One dict per window: ``img_path`` (a list when a scene has several files), ``seg_map_path``, ``mask_path``, ``scene``,
            ``window`` (row, column, height, width), ``band_indices``, and what mmseg's transforms expect.
        """
        notice = sample_notice(self.root)
        if notice is not None:
            print_log(notice, "current", logging.WARNING)
        selection = self.selection()
        placed, origin = selection.select(self.part)
        numbers, self.band_names = choose_bands(self.bands, self._names_in_folders(), placed[0].header)
        self._check(selection, placed, numbers)
        self.provenance = Provenance({**origin.parameters, "bands": plain(numbers), **self._value_parameters()}, origin.scenes)
        there = [scene for scene in placed if scene.windows]
        windows = [scene.windows for scene in there]
        if self.random_windows:
            self._moving = RandomWindows(dict(zip((s.files.scene for s in there), windows, strict=True)), self.scheme.steps)
        # mmengine would pickle each sample on its own; the list is small as it is, and workers share it.
        self.serialize_data = False
        return WindowList([self._record(scene.files, numbers) for scene in there], windows)

    def prepare_data(self, idx: int) -> Any:
        """Load a sample: its window, moved where ``random_windows`` says so, goes through the pipeline."""
        info = self.get_data_info(idx)
        if self.random_windows:
            info["window"] = tuple(self._moving.moved(Window(*info["window"]), info["scene"], integer))
        return self.pipeline(info)

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Give a sample's dict, with the legend that decodes its label under ``label_code``."""
        self.full_init()
        if isinstance(self.data_list, WindowList):  # its samples are new each time, where mmengine would copy them once more
            info = {**self.data_list[idx], "sample_idx": idx % len(self)}
        else:
            info = super().get_data_info(idx)
        info["label_code"] = self.label_code
        return info

    def class_counts(self) -> NDArray[np.int64]:
        """Count the pixels of each class in each sample, or take the counts from the cache.

        Returns:
            ``(len(self), classes + 1)``; the last column counts ignored pixels, and those outside the scene.

        Raises:
            DatasetError: When a label is unknown, or the counts cannot be written.
            RasterError: When a label cannot be read.
        """
        self.full_init()
        listed = self.data_list if not self.serialize_data else [self.get_data_info(place) for place in range(len(self))]
        return self.selection().counts_of(listed)

    def _get_unserialized_subset(self, indices: int | Sequence[int]) -> Sequence[dict[str, Any]]:
        if isinstance(self.data_list, WindowList) and not isinstance(indices, int):
            return self.data_list.take(indices)
        return super()._get_unserialized_subset(indices)

    def _copy_without_annotation(self, memo: dict[int, Any] | None = None) -> SceneWindowDataset:
        # mmengine's default is one dict for all calls ever: it would take a new object for an old one that had its address.
        copied: SceneWindowDataset = super()._copy_without_annotation({} if memo is None else memo)
        return copied

    def _record(self, files: SceneFiles, bands: tuple[int, ...] | None) -> dict[str, Any]:
        """What all samples of a scene share."""
        images = [str(path) for path in files.images]
        return {
            "img_path": images[0] if len(images) == 1 else images,
            "seg_map_path": str(files.label),
            "mask_path": None if files.mask is None else str(files.mask),
            "scene": files.scene,
            "band_indices": bands,
            **({"bands": self.band_names} if self.band_names else {}),
            "seg_fields": [],
            "label_map": None,
            "reduce_zero_label": False,
        }

    def _own_layout(self) -> SceneLayout | None:
        """Where the files lie, for a data set that does not keep them in folders of images and labels."""
        return None

    def _own_label_code(self, classes: Sequence[str]) -> LabelCode | None:
        """The legend, for a data set that states it otherwise."""
        return None

    def _check(self, selection: WindowSelection, placed: Sequence[PlacedScene], bands: tuple[int, ...] | None) -> None:
        """Refuse what a data set cannot use; ``placed`` are the windows of the part."""

    def _value_parameters(self) -> dict[str, Any]:
        """Further settings that the values of pixels depend on."""
        return {}

    def _names_in_folders(self) -> Sequence[str]:
        return [name for folder in self._image_dirs for name in self.BANDS.get(folder, ())]

    def _advice(self) -> str:
        text = "data/README.md says where to get it and how to lay it out"
        if self.SAMPLE_NAME is None:
            return f"{text}."
        return f"{text}; `python tools/make_sample_data.py {self.SAMPLE_NAME}` makes its miniature in '{self.DEFAULT_ROOT}'."


def _require_part(part: str, has_split: bool) -> None:
    if part not in (*PARTS, ALL):
        raise DatasetError(f"part is {part!r}; it can be {', '.join(map(repr, (*PARTS, ALL)))}.")
    if part in PARTS[1:] and not has_split:
        raise DatasetError(f"part={part!r} needs a split, such as split=dict(type='random', ratios=(0.6, 0.2, 0.2), seed=0).")


def _share(value: float) -> float:
    if not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise DatasetError(f"max_ignored is {value!r}; give a share of the pixels, 0 to 1.")
    return value


def _tuple(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
