from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets import GIDDataset
from rs_da_mm.datasets.class_weights import inverse_root_weights, median_frequency_weights
from rs_da_mm.datasets.statistics import compute_statistics, load_statistics, save_statistics
from rs_da_mm.errors import DatasetError
from rs_da_mm.raster import write_raster

SPLIT = {"type": "random", "ratios": (0.6, 0.2, 0.2), "seed": 0}


def make(root, **options):
    return GIDDataset(root, **{"window_size": 8, **options})


def assert_like_numpy(statistics, pixels, bands):
    for band, one in zip(bands, statistics.bands, strict=True):
        values = pixels[..., band].astype(np.float64).ravel()
        assert one.pixels == values.size
        assert (one.mean, one.std) == pytest.approx((values.mean(), values.std()), rel=1e-12)
        assert (one.minimum, one.maximum) == (values.min(), values.max())
        assert list(one.percentiles) == ["1", "2", "50", "98", "99"]
        np.testing.assert_allclose(list(one.percentiles.values()), np.percentile(values, [1, 2, 50, 98, 99]), rtol=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_they_are_numpys_over_the_whole_scene(tmp_path, gid_maker, dtype):
    image, labels = gid_maker({"a": (32, 40)})["a"]
    image = image.astype(dtype) * (257 if dtype == "uint16" else 1)
    write_raster(tmp_path / "image_RGB/a.tif", image)
    statistics = compute_statistics(make(tmp_path, bands=[3, 1]))
    assert statistics.windows == 20
    assert statistics.ignored == 0
    assert [one.name for one in statistics.bands] == ["blue", "red"]
    assert_like_numpy(statistics, image, (2, 0))
    assert [one.pixels for one in statistics.classes] == np.bincount(labels.ravel(), minlength=6).tolist()
    assert [one.share for one in statistics.classes] == pytest.approx(np.bincount(labels.ravel(), minlength=6) / labels.size)


def test_only_the_windows_of_the_part_count(tmp_path, gid_maker):
    written = gid_maker({"a": (40, 50), "b": (33, 64)})
    dataset = make(tmp_path, split=SPLIT, part="train")
    windows = [(sample["scene"], sample["window"]) for sample in map(dataset.get_data_info, range(len(dataset)))]
    pixels, labels = (
        np.stack([written[scene][kind][row : row + 8, col : col + 8] for scene, (row, col, *_) in windows]) for kind in (0, 1)
    )
    statistics = compute_statistics(dataset)
    assert_like_numpy(statistics, pixels, (0, 1, 2))
    counts = np.stack([np.bincount(window.ravel(), minlength=6) for window in labels])
    assert [one.median_frequency_weight for one in statistics.classes] == pytest.approx(median_frequency_weights(counts))
    assert [one.inverse_root_weight for one in statistics.classes] == pytest.approx(inverse_root_weights(counts))


def test_pixels_without_data_do_not_count(tmp_path, gid_maker):
    image, labels = gid_maker({"a": (16, 16)})["a"]
    image[:, :4] = 0
    image[:, 4:] |= 1
    write_raster(tmp_path / "image_RGB/a.tif", image, nodata=0)
    statistics = compute_statistics(make(tmp_path))
    assert_like_numpy(statistics, image[:, 4:], (0, 1, 2))
    assert statistics.ignored == 64
    assert [one.pixels for one in statistics.classes] == np.bincount(labels[:, 4:].ravel(), minlength=6).tolist()


def test_ignored_labels_and_padding_are_counted_apart(tmp_path, gid_maker):
    _, labels = gid_maker({"a": (12, 8)})["a"]
    dataset = make(tmp_path, edge="pad", metainfo={"classes": ["water", "forest"]})
    statistics = compute_statistics(dataset)
    assert [one.pixels for one in statistics.classes] == [(labels == 5).sum(), (labels == 3).sum()]
    assert statistics.ignored == 128 - np.isin(labels, (3, 5)).sum()
    assert statistics.bands[0].pixels == 96


def test_floating_point_scenes_have_statistics_too(tmp_path, gid_maker):
    image, _ = gid_maker({"a": (16, 16)})["a"]
    heights = image.astype(np.float32) / 7
    write_raster(tmp_path / "image_RGB/a.tif", heights)
    band = compute_statistics(make(tmp_path)).bands[0]
    assert (band.mean, band.std) == pytest.approx((heights[..., 0].astype(float).mean(), heights[..., 0].astype(float).std()))
    assert band.percentiles["50"] == pytest.approx(np.median(heights[..., 0]), rel=0.02)


def test_scenes_can_be_skipped(tmp_path, gid_maker):
    written = gid_maker({"a": (16, 16), "b": (16, 16)})
    assert_like_numpy(compute_statistics(make(tmp_path), skip={"a"}), written["b"][0], (0, 1, 2))
    with pytest.raises(DatasetError, match="No window"):
        compute_statistics(make(tmp_path), skip={"a", "b"})


def test_they_are_read_again_as_written(tmp_path, gid_maker):
    gid_maker({"a": (16, 16)})
    dataset = make(tmp_path)
    statistics = compute_statistics(dataset)
    save_statistics(statistics, tmp_path / "s.json")
    assert load_statistics(tmp_path / "s.json", dataset) == statistics
    assert load_statistics(tmp_path / "s.json", make(tmp_path, lazy_init=True)) == statistics


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window_size": 4}, r"window_size was \[8, 8\] and is \[4, 4\]"),
        ({"bands": [1]}, r"bands was null and is \[1\]"),
        ({"split": SPLIT, "part": "val"}, r"part was \"all\" and is \"val\""),
        ({"metainfo": {"classes": ["water"]}}, "classes was 6 and is 1"),
    ],
)
def test_statistics_of_other_settings_are_refused(tmp_path, gid_maker, options, said):
    gid_maker({"a": (16, 16)})
    save_statistics(compute_statistics(make(tmp_path)), tmp_path / "s.json")
    with pytest.raises(DatasetError, match=rf"s\.json: this statistics file no longer fits.*{said}"):
        load_statistics(tmp_path / "s.json", make(tmp_path, **options))


def test_statistics_of_other_files_are_refused(tmp_path, gid_maker):
    gid_maker({"a": (16, 16)})
    save_statistics(compute_statistics(make(tmp_path)), tmp_path / "s.json")
    gid_maker({"a": (16, 16)}, seed=1)
    with pytest.raises(DatasetError, match=r"changed files of 'a'.*Delete the file"):
        load_statistics(tmp_path / "s.json", make(tmp_path))


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": "rs_da_mm statistics", "version": 1}'])
def test_a_file_without_statistics_is_refused_by_name(tmp_path, gid_maker, content):
    gid_maker({"a": (16, 16)})
    (tmp_path / "s.json").write_text(content)
    with pytest.raises(DatasetError, match=r"s\.json holds no statistics that this version can read"):
        load_statistics(tmp_path / "s.json", make(tmp_path))
    with pytest.raises(DatasetError, match=r"There are no statistics at '.*none\.json'"):
        load_statistics(tmp_path / "none.json", make(tmp_path))
