from __future__ import annotations

import numpy as np

from rs_da_mm.raster import label_polygons, sieve_labels


def shoelace(ring) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return abs(float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum())) / 2


def test_polygons_cover_every_pixel_of_a_class_once():
    labels = np.random.default_rng(0).integers(0, 3, (40, 50), dtype=np.uint8)
    labels[:5, :9] = 255
    found = {0: 0.0, 1: 0.0, 2: 0.0}
    for polygon in label_polygons(labels):
        areas = [shoelace(ring) for ring in polygon.rings]
        found[polygon.value] += areas[0] - sum(areas[1:])
    assert found == {number: np.count_nonzero(labels == number) for number in range(3)}


def test_a_hole_and_the_place_in_the_scene():
    labels = np.full((3, 3), 7, np.uint8)
    labels[1, 1] = 255
    (polygon,) = label_polygons(labels, row=100, col=200)
    assert polygon.value == 7
    outer, hole = polygon.rings
    assert (outer.min(axis=0).tolist(), outer.max(axis=0).tolist()) == ([200, 100], [203, 103])
    assert (hole.min(axis=0).tolist(), hole.max(axis=0).tolist()) == ([201, 101], [202, 102])


def test_pixels_that_touch_at_a_corner_are_two_areas():
    assert [polygon.value for polygon in label_polygons(np.array([[0, 255], [255, 0]], np.uint8))] == [0, 0]


def test_without_data_there_are_none():
    assert list(label_polygons(np.full((4, 4), 255, np.uint8))) == []


def test_small_areas_go_to_their_largest_neighbour():
    labels = np.zeros((10, 10), np.uint8)
    labels[:, 7:] = 1
    labels[4:6, 6:8] = 2
    merged = sieve_labels(labels, 5)
    assert set(np.unique(merged)) == {0, 1}
    assert (merged[4:6, 6:8] == 0).all()
    np.testing.assert_array_equal(sieve_labels(labels, 4), labels)


def test_nodata_neither_grows_nor_shrinks():
    labels = np.full((10, 10), 255, np.uint8)
    labels[2:8, 2:8] = 0
    labels[2, 2] = 1
    labels[5, 5] = 255
    merged = sieve_labels(labels, 10)
    np.testing.assert_array_equal(merged == 255, labels == 255)
    assert merged[2, 2] == 0
