from __future__ import annotations

from collections import Counter

import pytest
from mmengine.runner import Runner
from torch.utils.data import Dataset

from rs_da_mm.engine import samplers
from rs_da_mm.engine.samplers import DrawBatchSampler, DrawWithReplacementSampler
from rs_da_mm.errors import InputError


class Numbers(Dataset):
    def __init__(self, count=50):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return {"inputs": index}


def on_rank(monkeypatch, rank, world_size):
    monkeypatch.setattr(samplers, "get_dist_info", lambda: (rank, world_size))


def loader(seed=7, diff_rank_seed=False, batch_size=16, **batch_options):
    config = {
        "dataset": Numbers(),
        "batch_size": batch_size,
        "num_workers": 0,
        "sampler": {"type": "DrawWithReplacementSampler", "draws": 20, "samples_per_draw": 100},
        "batch_sampler": {"type": "DrawBatchSampler", **batch_options},
    }
    return Runner.build_dataloader(config, seed=seed, diff_rank_seed=diff_rank_seed)


def test_the_authors_epoch_is_140_batches_of_16_and_4():
    built = loader()
    sizes = [len(batch["inputs"]) for batch in built]
    assert sizes == [16, 16, 16, 16, 16, 16, 4] * 20
    assert len(built) == 140
    assert sum(sizes) == len(built.batch_sampler.sampler) == 2000


def test_the_last_batch_of_a_draw_can_be_dropped():
    built = loader(drop_last=True)
    assert [len(batch["inputs"]) for batch in built] == [16] * 120
    assert len(built) == 120


def test_the_runner_reaches_set_epoch_through_the_batch_sampler():
    built = loader()
    assert not hasattr(built.sampler, "set_epoch")
    built.batch_sampler.sampler.set_epoch(3)
    third = [batch["inputs"] for batch in built]
    assert third == [batch["inputs"] for batch in built]
    built.batch_sampler.sampler.set_epoch(4)
    assert third != [batch["inputs"] for batch in built]


def test_a_runner_with_different_seeds_per_rank_leaves_the_seed_to_the_sampler():
    assert isinstance(loader(diff_rank_seed=True).batch_sampler.sampler.seed, int)


def test_the_same_seed_and_epoch_draw_the_same():
    draws = [list(DrawWithReplacementSampler(Numbers(), seed=seed)) for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2]


def test_an_epoch_is_not_another_seeds_epoch():
    one, other = DrawWithReplacementSampler(Numbers(), seed=0), DrawWithReplacementSampler(Numbers(), seed=1)
    one.set_epoch(1)
    assert list(one) != list(other)


def test_draws_are_uniform_and_with_replacement():
    drawn = list(DrawWithReplacementSampler(Numbers(10), draws=100, samples_per_draw=100, seed=0))
    counts = Counter(drawn)
    assert sorted(counts) == list(range(10))
    chi_square = sum((count - 1000) ** 2 / 1000 for count in counts.values())
    assert chi_square < 27.9  # 99.9 % of the chi-square distribution with 9 degrees of freedom
    assert max(Counter(drawn[:10]).values()) > 1


def test_a_data_set_smaller_than_a_draw_is_fine():
    assert len(list(DrawWithReplacementSampler(Numbers(3), seed=0))) == 2000


def test_ranks_share_every_draw(monkeypatch):
    whole = list(DrawWithReplacementSampler(Numbers(10**6), draws=3, samples_per_draw=10, seed=5))
    shares = []
    for rank in range(2):
        on_rank(monkeypatch, rank, 2)
        sampler = DrawWithReplacementSampler(Numbers(10**6), draws=3, samples_per_draw=10, seed=5)
        shares.append(list(sampler))
        assert len(sampler) == len(shares[-1]) == 15
    for draw in range(3):
        parts = [share[5 * draw : 5 * draw + 5] for share in shares]
        assert sorted(parts[0] + parts[1]) == sorted(whole[10 * draw : 10 * draw + 10])


@pytest.mark.parametrize("world_size", [2, 3, 6, 7])
def test_all_ranks_have_the_same_batches(monkeypatch, world_size):
    sizes = []
    for rank in range(world_size):
        on_rank(monkeypatch, rank, world_size)
        built = loader()
        sizes.append([len(batch["inputs"]) for batch in built])
        assert len(built) == len(sizes[-1])
    assert all(size == sizes[0] for size in sizes)
    assert sum(sizes[0]) == 20 * -(-100 // world_size)


def test_two_ranks_with_16_take_four_steps_a_draw_and_with_8_seven(monkeypatch):
    on_rank(monkeypatch, 0, 2)
    assert [len(batch["inputs"]) for batch in loader()][:4] == [16, 16, 16, 2]
    assert [len(batch["inputs"]) for batch in loader(batch_size=8)][:7] == [8] * 6 + [2]


@pytest.mark.parametrize("options", [{"draws": 0}, {"samples_per_draw": 0}])
def test_nothing_to_draw_is_an_error(options):
    with pytest.raises(ValueError, match="nothing to draw"):
        DrawWithReplacementSampler(Numbers(), seed=0, **options)
    with pytest.raises(ValueError, match="0 samples in the data set"):
        DrawWithReplacementSampler(Numbers(0), seed=0)


def test_batches_need_a_sampler_that_draws_and_a_size_that_makes_one():
    with pytest.raises(InputError, match="batch_sampler=None"):
        DrawBatchSampler(range(10), 2)
    draws = DrawWithReplacementSampler(Numbers(), samples_per_draw=4, seed=0)
    with pytest.raises(ValueError, match="makes no batch"):
        DrawBatchSampler(draws, 5, drop_last=True)
    with pytest.raises(ValueError, match="makes no batch"):
        DrawBatchSampler(draws, 0)
