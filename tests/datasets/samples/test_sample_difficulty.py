"""What makes a miniature worth learning on: colour alone goes some way, and not all the way."""

from __future__ import annotations

import numpy as np
import pytest

from rs_da_mm.datasets.samples.gid import LEGEND, RECIPE, SCENES
from rs_da_mm.datasets.samples.scene import make_scene
from rs_da_mm.datasets.samples.sensor import PMS1, PMS2


def photograph(scene):
    return make_scene(0, f"gid/test/{scene}", (256, 512), RECIPE, PMS1 if "PMS1" in scene else PMS2, LEGEND)


@pytest.mark.slow
def test_a_pixels_colour_does_not_tell_its_class():
    from sklearn.ensemble import HistGradientBoostingClassifier

    scenes = [photograph(scene) for scene in SCENES[2:12]]
    rng = np.random.default_rng(0)

    def pixels(columns):
        colours = np.concatenate([scene.view[:, columns, :3].reshape(-1, 3) for scene in scenes])
        labels = np.concatenate([scene.labels[:, columns].reshape(-1) for scene in scenes])
        some = rng.choice(len(labels), 30_000, replace=False)
        return colours[some], labels[some]

    # The same scenes on both sides, as with a random split into windows: easier than unseen scenes.
    classifier = HistGradientBoostingClassifier(max_iter=60, random_state=0).fit(*pixels(slice(0, 256)))
    colours, labels = pixels(slice(256, 512))
    predicted = classifier.predict(colours)
    matrix = np.zeros((6, 6))
    np.add.at(matrix, (labels, predicted), 1)
    overall = np.trace(matrix) / matrix.sum()
    iou = np.diag(matrix) / (matrix.sum(0) + matrix.sum(1) - np.diag(matrix))
    majority = matrix.sum(1).max() / matrix.sum()
    assert majority + 0.15 < overall < 0.78
    assert 0.25 < iou.mean() < 0.6


def test_classes_differ_in_texture_where_they_agree_in_colour():
    scene = photograph(SCENES[3])
    green = scene.view[..., 1].astype(float)
    rough = np.abs(np.diff(green, axis=1))[:-1] + np.abs(np.diff(green, axis=0))[:, :-1]
    labels = scene.labels[:-1, :-1]
    built, meadow, water = (np.median(rough[labels == number]) for number in (1, 4, 5))
    assert built > 2 * meadow
    assert meadow >= water
