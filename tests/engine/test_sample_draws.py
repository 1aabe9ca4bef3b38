from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from rs_da_mm.engine import DrawBatchSampler, DrawWithReplacementSampler, sample_draws, samplers
from rs_da_mm.engine.sample_draws import DrawnIndex, NumberedBatchSampler, SeededDataset, number_draws, numbered_batches
from rs_da_mm.errors import InputError


class Noisy:
    """Gives each sample's index and what was drawn for it."""

    metainfo = {"classes": ("a",)}  # noqa: RUF012

    def __init__(self, length=12):
        self.length = length

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        assert type(index) is int
        return index, float(np.random.rand()), torch.rand(()).item()  # noqa: NPY002


def loader(workers=0, epoch=0, seed=7, **options):
    made = DataLoader(Noisy(), batch_size=4, sampler=DefaultSampler(Noisy(), seed=seed), num_workers=workers, **options)
    made = number_draws(made, seed)
    numbered_batches(made).set_epoch(epoch)
    return made


def samples(batches):
    return [
        (index, noise, tensor)
        for batch in batches
        for index, noise, tensor in zip(*(column.tolist() for column in batch), strict=True)
    ]


def test_an_index_keeps_its_draw_through_copies_and_processes():
    index = DrawnIndex(5, (1, 2, 3))
    for again in (index, pickle.loads(pickle.dumps(index)), copy.deepcopy(index)):
        assert (again, again.entropy) == (5, (1, 2, 3))


def test_the_data_set_is_seen_through_and_travels():
    dataset = pickle.loads(pickle.dumps(SeededDataset(Noisy())))
    assert dataset.metainfo == {"classes": ("a",)}
    assert len(dataset) == 12
    assert dataset[3][0] == 3
    with pytest.raises(AttributeError, match="missing"):
        _ = dataset.missing
    dataset.pipeline = "another"
    assert dataset.dataset.pipeline == "another"


def test_workers_change_nothing():
    assert samples(loader(workers=2)) == samples(loader())


def test_epochs_and_seeds_do():
    drawn = [samples(loader(epoch=epoch, seed=seed)) for epoch, seed in ((0, 7), (1, 7), (0, 8), (1, 6))]
    noise = {value for found in drawn for _, value, _ in found}
    assert len(noise) == 4 * 12


def test_iterating_draws_nothing_from_the_models_generator():
    torch.manual_seed(0)
    expected = torch.rand(3)
    for workers in (0, 1):
        torch.manual_seed(0)
        list(loader(workers=workers))
        assert torch.equal(torch.rand(3), expected)


def test_skipping_gives_the_rest_of_the_epoch_and_no_more():
    whole = samples(loader())
    rest = loader()
    numbered_batches(rest).skip(2)
    assert samples(rest) == whole[8:]
    assert samples(rest) == whole, "the next pass is whole again"
    numbered_batches(rest).skip(3)
    assert samples(rest) == []


def test_skipping_goes_on_into_the_next_epochs():
    made = loader()
    numbered_batches(made).skip(2 * 3 + 1)
    assert numbered_batches(made).epoch == 2
    assert samples(made) == samples(loader(epoch=2))[4:]


def test_skipping_in_an_endless_sampler():
    def endless():
        made = DataLoader(Noisy(), batch_size=5, sampler=InfiniteSampler(Noisy(), seed=3))
        return number_draws(made, 3)

    iterator = iter(endless())
    first = [samples([next(iterator)]) for _ in range(9)]
    later = endless()
    numbered_batches(later).skip(6)
    iterator = iter(later)
    assert [samples([next(iterator)]) for _ in range(3)] == first[6:]


def test_nothing_is_loaded_for_what_is_skipped(monkeypatch):
    made = loader()
    monkeypatch.setattr(Noisy, "__getitem__", lambda *_: pytest.fail("a sample was loaded"))
    numbered_batches(made).skip(3)
    assert list(made) == []


def as_rank(monkeypatch, rank, ranks):
    for module in (sample_draws, samplers, __import__("mmengine.dataset.sampler", fromlist=["get_dist_info"])):
        monkeypatch.setattr(module, "get_dist_info", lambda: (rank, ranks))


@pytest.mark.parametrize("kind", ["epoch", "endless", "draws"])
def test_ranks_share_out_the_draws_of_one_process(monkeypatch, kind):
    def global_batch(ranks):
        drawn = {}
        for rank in range(ranks):
            as_rank(monkeypatch, rank, ranks)
            size = 8 // ranks
            if kind == "draws":
                sampler = DrawWithReplacementSampler(Noisy(), draws=2, samples_per_draw=8, seed=1)
                batches = DrawBatchSampler(sampler, size)
            else:
                sampler = {"epoch": DefaultSampler, "endless": InfiniteSampler}[kind](Noisy(16), seed=1)
                batches = BatchSampler(sampler, size, drop_last=False)
            numbered = iter(NumberedBatchSampler(batches, 1))
            for step in range(2):
                drawn.setdefault(step, set()).update((int(index), index.entropy) for index in next(numbered))
        return drawn

    assert global_batch(2) == global_batch(1) == global_batch(4)


def test_torchs_shuffling_follows_the_seed():
    def shuffled(epoch):
        made = number_draws(DataLoader(Noisy(), batch_size=3, shuffle=True), 5)
        numbered_batches(made).set_epoch(epoch)
        return samples(made)

    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    one = shuffled(0)
    assert torch.equal(torch.rand(2), expected)
    assert shuffled(0) == one
    assert shuffled(1) != one


def test_a_numbered_loader_stays_as_it_is():
    made = loader()
    assert number_draws(made, 1) is made


def test_a_stream_is_refused():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter(range(3))

    with pytest.raises(InputError, match=r"Stream comes without batches of indices.*IterBasedTrainLoop"):
        number_draws(DataLoader(Stream(), batch_size=None), 1)


def test_a_data_set_without_batches_is_refused():
    made = number_draws(DataLoader(Noisy(2), batch_size=4, drop_last=True), 1)
    with pytest.raises(InputError, match="gives no batches"):
        numbered_batches(made).skip(1)
