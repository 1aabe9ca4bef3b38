from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.errors import RasterError
from rs_da_mm.raster import write_raster
from rs_da_mm.raster.tags import file_tags


def test_the_items_of_a_file(tmp_path):
    write_raster(tmp_path / "a.tif", np.zeros((3, 3), np.uint8), tags={"PROCESSING_BASELINE": "04.00"})
    assert file_tags(tmp_path / "a.tif")["PROCESSING_BASELINE"] == "04.00"
    with pytest.raises(RasterError, match=r"b\.tif does not exist"):
        file_tags(tmp_path / "b.tif")
