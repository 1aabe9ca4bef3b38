"""What the sources of a VRT cover."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from damaged_files import write_tiff

from rs_da_mm.raster import Scene
from rs_da_mm.raster.coverage import block_coverage
from rs_da_mm.raster.mosaic_coverage import mosaic_cells

HEIGHT, WIDTH = 1000, 1300
PLACES = [(300, 700, 100, 150), (511, 0, 50, 75), (900.4, 1224.6, 100, 150)]


@pytest.fixture
def mosaic(tmp_path):
    """A VRT of a raster of 100 x 150 pixels, put where one likes, in whole or made smaller."""
    write_tiff(tmp_path / "tile.tif", np.full((100, 150, 2), 5, np.uint8), transform=rasterio.Affine.scale(2))

    def write(places=PLACES, nodata="<NoDataValue>0</NoDataValue>", band="", dataset="", mask=False, kind="SimpleSource"):
        def sources(number):
            return "".join(
                f'<{kind}><SourceFilename relativeToVRT="1">tile.tif</SourceFilename><SourceBand>{number}</SourceBand>'
                '<SrcRect xOff="0" yOff="0" xSize="150" ySize="100"/>'
                f'<DstRect xOff="{col}" yOff="{row}" xSize="{width}" ySize="{height}"/></{kind}>'
                for row, col, height, width in places
            )

        bands = "".join(
            f'<VRTRasterBand dataType="Byte" band="{number}" {band}>{nodata}{sources(number)}</VRTRasterBand>'
            for number in (1, 2)
        )
        masked = f'<MaskBand><VRTRasterBand dataType="Byte">{sources("mask,1")}</VRTRasterBand></MaskBand>' if mask else ""
        grid = "<GeoTransform>0, 2, 0, 0, 0, -2</GeoTransform>"
        path = tmp_path / "mosaic.vrt"
        size = f'rasterXSize="{WIDTH}" rasterYSize="{HEIGHT}"'
        path.write_text(f"<VRTDataset {size} {dataset}>{grid}{masked}{bands}</VRTDataset>")
        return path

    return write


def cells_with_data(scene):
    valid = scene.read_valid()
    return np.array([[valid[r : r + 256, c : c + 256].any() for c in range(0, WIDTH, 256)] for r in range(0, HEIGHT, 256)])


@pytest.mark.parametrize(
    "options",
    [{}, {"kind": "ComplexSource"}, {"nodata": "", "mask": True}, {"nodata": "<NoDataValue>9</NoDataValue>"}],
)
def test_cells_between_the_sources_hold_no_data(mosaic, options):
    scene = Scene(mosaic(**options))
    coverage = block_coverage(scene)
    assert coverage.cell == (256, 256)
    expected = cells_with_data(scene)
    assert not (expected & ~coverage.cells).any()
    spare = coverage.cells & ~expected  # the source that begins at row 511 may, by rounding, begin a row above
    assert spare.sum() <= 1
    assert 0 < coverage.cells.sum() < coverage.cells.size


def test_sources_that_are_made_smaller_cover_what_they_are_put_on(mosaic):
    scene = Scene(mosaic([(600, 600, 20, 30)]))
    np.testing.assert_array_equal(block_coverage(scene).cells, cells_with_data(scene))


def test_gaps_that_are_zeros_like_any_other_are_not_gaps(mosaic):
    assert block_coverage(Scene(mosaic(nodata=""))) is None


def test_a_mosaic_without_gaps_tells_nothing(mosaic):
    assert block_coverage(Scene(mosaic([(0, 0, HEIGHT, WIDTH)]))) is None


def test_what_is_computed_or_warped_tells_nothing(mosaic):
    path = mosaic(band='subClass="VRTDerivedRasterBand"')
    path.write_text(path.read_text().replace("<NoDataValue>", "<PixelFunctionType>sum</PixelFunctionType><NoDataValue>"))
    with rasterio.open(path) as dataset:
        assert mosaic_cells(dataset, (1,)) is None
    assert block_coverage(Scene(path)) is None


def test_sources_are_told_by_band(mosaic):
    path = mosaic()
    text = path.read_text()
    second = text.index('band="2"')
    path.write_text(text[:second] + text[second:].replace('xOff="0" yOff="511"', 'xOff="1000" yOff="30"'))
    one, two = (block_coverage(Scene(path, bands=[band])).cells for band in (1, 2))
    assert one[1:3, 0].any()
    assert not two[:, 0].any()
    np.testing.assert_array_equal(block_coverage(Scene(path)).cells, one | two)
