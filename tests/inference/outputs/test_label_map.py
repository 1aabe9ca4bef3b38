from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from rs_da_mm.inference.outputs import map_classes, open_label_map
from rs_da_mm.raster import Georeference, cog_faults

CLASSES = map_classes(["water", "Ackerfläche"], [(0, 0, 255), (200, 180, 20)])
PLACE = Georeference(CRS.from_epsg(4326), Affine(1e-4, 0, 10, 0, -1e-4, 50))


@pytest.mark.parametrize("cog", [True, False])
def test_a_map_opens_with_everything_a_reader_needs(tmp_path, cog):
    labels = np.random.default_rng(0).integers(0, 2, (700, 1100), dtype=np.uint8)
    with open_label_map(tmp_path / "a.tif", 700, 1100, CLASSES, PLACE, cog=cog, tags={"MODEL": "MACU-Net"}) as out:
        out.write(labels[:512])
        out.write(labels[512:, :600], 512)
    assert (cog_faults(tmp_path / "a.tif") == []) is cog
    labels[512:, 600:] = 255
    with rasterio.open(tmp_path / "a.tif") as dataset:
        np.testing.assert_array_equal(dataset.read(1), labels)
        assert (dataset.crs, dataset.transform, dataset.nodata) == (PLACE.crs, PLACE.transform, 255)
        assert dataset.colormap(1)[1] == (200, 180, 20, 255)
        tags = dataset.tags()
        assert (tags["CLASS_0"], tags["CLASS_1"], tags["MODEL"]) == ("water", "Ackerfläche", "MACU-Net")
        assert (len(dataset.overviews(1)) > 0) is cog
        assert dataset.block_shapes == [(512, 512)]
