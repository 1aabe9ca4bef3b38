from __future__ import annotations

import numpy as np
import pytest
from mmengine.runner import Runner

from rs_da_mm.engine import class_balanced
from rs_da_mm.engine.class_balanced import ClassBalancedSampler, pixels_of_classes, window_probabilities
from rs_da_mm.engine.sample_draws import number_draws, numbered_batches
from rs_da_mm.errors import InputError

# Three classes and ignored pixels; the last class is rare, the third window is unlabelled.
COUNTS = np.array([[90, 10, 0, 0], [50, 40, 0, 10], [0, 0, 0, 100], [40, 50, 10, 0], [96, 0, 4, 0]])


class Labelled:
    def __init__(self, counts=COUNTS):
        self.counts = counts

    def __len__(self):
        return len(self.counts)

    def __getitem__(self, index):
        return {"inputs": index}

    def class_counts(self):
        return self.counts


class Joined:
    def __init__(self, *datasets):
        self.datasets = list(datasets)

    def __len__(self):
        return sum(map(len, self.datasets))


class Repeated:
    def __init__(self, dataset, times):
        self.dataset, self.times = dataset, times

    def __len__(self):
        return len(self.dataset) * self.times


def by_formula(exponent):
    pixels = COUNTS[:, :3]
    total = pixels.sum(axis=0)
    of_class = [t ** (1 - exponent) / sum(u ** (1 - exponent) for u in total) for t in total.tolist()]
    return [sum(p * n / t for p, n, t in zip(of_class, row, total.tolist(), strict=True)) for row in pixels.tolist()]


@pytest.mark.parametrize("exponent", [0, 0.3, 0.5, 1])
def test_probabilities_are_those_of_the_formula(exponent):
    sampler = ClassBalancedSampler(Labelled(), exponent, seed=0)
    np.testing.assert_allclose(sampler.probabilities, by_formula(exponent), rtol=1e-12)
    assert sampler.probabilities.sum() == pytest.approx(1)
    assert sampler.probabilities[2] == 0


def test_exponent_0_takes_pixels_as_they_are_and_1_all_classes_alike():
    np.testing.assert_allclose(window_probabilities(COUNTS[:, :3], 0), np.array([100, 90, 0, 100, 100]) / 390)
    # Expected pixels of each class in a draw, relative to how many there are: alike for windows that each hold one class.
    pure = np.diag([1000, 100, 10])
    np.testing.assert_allclose(window_probabilities(pure, 1), [1 / 3] * 3)
    np.testing.assert_allclose(window_probabilities(pure, 0.5), np.sqrt([1000, 100, 10]) / np.sqrt([1000, 100, 10]).sum())


def test_a_class_that_nobody_has_changes_nothing():
    wider = np.insert(COUNTS[:, :3], 1, 0, axis=1)
    np.testing.assert_allclose(window_probabilities(wider, 1), window_probabilities(COUNTS[:, :3], 1))


@pytest.mark.parametrize("exponent", [0, 0.5, 1])
def test_draws_have_these_probabilities(exponent):
    draws = 50_000
    drawn = list(ClassBalancedSampler(Labelled(), exponent, draws, seed=1))
    counts = np.bincount(drawn, minlength=5)
    expected = draws * np.array(by_formula(exponent))
    assert counts[2] == 0
    there = expected > 0
    chi_square = ((counts[there] - expected[there]) ** 2 / expected[there]).sum()
    assert chi_square < 16.3  # 99.9 % of the chi-square distribution with 3 degrees of freedom


def test_seed_and_epoch_decide():
    def drawn(seed, epoch):
        sampler = ClassBalancedSampler(Labelled(), samples_per_epoch=50, seed=seed)
        sampler.set_epoch(epoch)
        return tuple(sampler)

    assert drawn(0, 1) == drawn(0, 1)
    assert len({drawn(0, 0), drawn(0, 1), drawn(1, 0), drawn(1, 1)}) == 4


def test_an_epoch_is_as_long_as_the_data_set_or_as_asked_for():
    assert len(list(ClassBalancedSampler(Labelled(), seed=0))) == len(ClassBalancedSampler(Labelled(), seed=0)) == 5
    assert len(list(ClassBalancedSampler(Labelled(), samples_per_epoch=12, seed=0))) == 12


@pytest.mark.parametrize("ranks", [2, 3, 7])
def test_ranks_deal_the_draws_out(monkeypatch, ranks):
    whole = list(ClassBalancedSampler(Labelled(), samples_per_epoch=21, seed=5))
    shares = []
    for rank in range(ranks):
        monkeypatch.setattr(class_balanced, "get_dist_info", lambda rank=rank: (rank, ranks))
        sampler = ClassBalancedSampler(Labelled(), samples_per_epoch=20, seed=5)
        shares.append(list(sampler))
        assert len(sampler) == len(shares[-1]) == -(-20 // ranks)
    dealt = [sample for draw in zip(*shares, strict=True) for sample in draw]
    assert dealt[:20] == whole[:20]


def test_a_run_can_be_resumed_in_the_middle_of_an_epoch():
    def loader():
        config = {
            "dataset": Labelled(),
            "batch_size": 4,
            "num_workers": 0,
            "sampler": {"type": "ClassBalancedSampler", "exponent": 0.5, "samples_per_epoch": 20},
        }
        return number_draws(Runner.build_dataloader(config, seed=7), 7)

    whole = loader()
    numbered_batches(whole).set_epoch(0)
    first = [batch["inputs"] for batch in whole]
    numbered_batches(whole).set_epoch(1)
    second = [batch["inputs"] for batch in whole]
    assert [len(batch) for batch in first] == [4] * 5
    assert first != second
    rest = loader()
    numbered_batches(rest).skip(5 + 2)
    assert [batch["inputs"] for batch in rest] == second[2:]


def test_joined_and_repeated_data_sets_are_seen_through():
    both = Joined(Labelled(), Repeated(Labelled(COUNTS[:2]), 3))
    expected = np.concatenate([COUNTS, COUNTS[:2], COUNTS[:2], COUNTS[:2]])[:, :3]
    np.testing.assert_array_equal(pixels_of_classes(both), expected)
    assert len(ClassBalancedSampler(both, seed=0).probabilities) == 11


@pytest.mark.parametrize(
    ("dataset", "options", "said"),
    [
        (range(5), {}, r"range does not tell which classes.*DrawWithReplacementSampler"),
        (Joined(Labelled(), Labelled(COUNTS[:, :3])), {}, "have 3, 2 classes"),
        (Labelled(COUNTS[2:3]), {}, "not one pixel"),
        (Labelled(), {"exponent": 1.5}, "exponent is 1.5"),
        (Labelled(), {"exponent": True}, "exponent is True"),
        (Labelled(), {"samples_per_epoch": 0}, "an epoch of 0 samples"),
        (Labelled(), {"samples_per_epoch": 2.5}, "an epoch of 2.5 samples"),
        (Labelled(COUNTS[:0]), {"samples_per_epoch": 3}, "does not tell"),
    ],
)
def test_what_cannot_be_drawn_from_is_refused(dataset, options, said):
    with pytest.raises(InputError, match=said):
        ClassBalancedSampler(dataset, seed=0, **options)
