"""The data sets, what happens to their samples, and the split, statistics and checks that they share."""

from __future__ import annotations

from rs_da_mm.datasets import transforms
from rs_da_mm.datasets.base import SceneWindowDataset
from rs_da_mm.datasets.gid import GID15Dataset, GIDDataset
from rs_da_mm.datasets.label_code import IGNORED, LabelCode
from rs_da_mm.datasets.raster_folder import RasterFolderDataset
from rs_da_mm.datasets.splits import BlockedSplit, WindowKey, blocked_split, random_split
from rs_da_mm.datasets.statistics import DatasetStatistics, compute_statistics, load_statistics, save_statistics
from rs_da_mm.datasets.whdld import WHDLDDataset

__all__ = [
    "IGNORED",
    "BlockedSplit",
    "DatasetStatistics",
    "GID15Dataset",
    "GIDDataset",
    "LabelCode",
    "RasterFolderDataset",
    "SceneWindowDataset",
    "WHDLDDataset",
    "WindowKey",
    "blocked_split",
    "compute_statistics",
    "load_statistics",
    "random_split",
    "save_statistics",
    "transforms",
]
