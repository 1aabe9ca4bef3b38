from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from rs_da_mm.engine.random_state import RandomState, preserved_random_state, seed_everything


def draws():
    # randn and gauss keep a second number for the next call, which a state must hold too
    uniform, normal = np.random.rand(), np.random.randn()  # noqa: NPY002
    return random.random(), random.gauss(0, 1), uniform, normal, torch.rand(3).tolist(), torch.randn(1).item()


def test_a_state_that_was_saved_and_loaded_draws_the_same(tmp_path):
    draws()  # an odd number of Gaussians
    state = RandomState.capture()
    torch.save(state._asdict(), tmp_path / "state.pth")
    first = [draws() for _ in range(700)]  # past the end of NumPy's 624 words
    RandomState(**torch.load(tmp_path / "state.pth", weights_only=True)).restore()
    assert [draws() for _ in range(700)] == first


def test_taking_a_state_draws_nothing():
    seed_everything(1, 2)
    first = draws()
    seed_everything(1, 2)
    RandomState.capture()
    assert draws() == first


@pytest.mark.parametrize("seed", [None, (1, 2, 3)])
def test_what_is_drawn_inside_changes_nothing_outside(seed):
    seed_everything(5)
    expected = draws()
    seed_everything(5)
    with preserved_random_state(seed):
        draws()
    assert draws() == expected


def test_an_error_inside_puts_the_state_back_too():
    seed_everything(5)
    expected = draws()
    seed_everything(5)
    with pytest.raises(ZeroDivisionError), preserved_random_state((1,)):
        _ = draws() and 1 / 0
    assert draws() == expected


def test_a_seed_inside_says_what_is_drawn():
    drawn = []
    for _ in range(2):
        with preserved_random_state((1, 2)):
            drawn.append(draws())
    assert drawn[0] == drawn[1]


def test_any_change_of_any_number_gives_other_draws():
    found = set()
    for entropy in [(0,), (1,), (0, 1), (1, 0), (0, 0, 1), (2**31, 5), (2**63, 5)]:
        seed_everything(*entropy)
        found.add(str(draws()))
    assert len(found) == 7


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_has_its_state_too():
    torch.cuda.init()
    state = RandomState.capture()
    first = torch.rand(3, device="cuda").tolist()
    state.restore()
    assert torch.rand(3, device="cuda").tolist() == first
