"""What happens to a sample on its way to the model: loading, geometry, radiometry, packing."""

from __future__ import annotations

from rs_da_mm.datasets.transforms.affine import RandomAffineWarp
from rs_da_mm.datasets.transforms.crop import RandomWindowCrop
from rs_da_mm.datasets.transforms.dihedral import RandomDihedral
from rs_da_mm.datasets.transforms.fields import SPATIAL_FIELDS, SpatialField
from rs_da_mm.datasets.transforms.geometric import SpatialTransform
from rs_da_mm.datasets.transforms.load_height import LoadHeight
from rs_da_mm.datasets.transforms.load_label import LoadRasterLabel
from rs_da_mm.datasets.transforms.load_raster import LoadRaster
from rs_da_mm.datasets.transforms.packing import PackRSInputs
from rs_da_mm.datasets.transforms.pad import PadToSize
from rs_da_mm.datasets.transforms.stretch import StretchTo8Bit

__all__ = [
    "SPATIAL_FIELDS",
    "LoadHeight",
    "LoadRaster",
    "LoadRasterLabel",
    "PackRSInputs",
    "PadToSize",
    "RandomAffineWarp",
    "RandomDihedral",
    "RandomWindowCrop",
    "SpatialField",
    "SpatialTransform",
    "StretchTo8Bit",
]
