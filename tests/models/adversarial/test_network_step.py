from __future__ import annotations

import pytest

from rs_da_mm.errors import InputError
from rs_da_mm.models.adversarial import NetworkStep
from rs_da_mm.models.adversarial.step import due_runs


def test_a_name_says_everything_else():
    step = NetworkStep("discriminator")
    assert step.networks == ("discriminator",)
    assert (step.loss, step.optimizer) == ("discriminator_loss", "discriminator")


def test_networks_may_come_as_a_list_or_one_name():
    assert NetworkStep("g", ["a", "b"]).networks == ("a", "b")
    assert NetworkStep("g", "generator").networks == ("generator",)


def test_every_fifth_iteration_is_the_first_the_sixth_and_so_on():
    step = NetworkStep("generator", every=5)
    assert [i for i in range(12) if step.is_due(i)] == [0, 5, 10]


def test_a_warm_up_moves_the_phase():
    step = NetworkStep("generator", every=3, start=4)
    assert [i for i in range(14) if step.is_due(i)] == [4, 7, 10, 13]


@pytest.mark.parametrize("every", [1, 2, 5])
@pytest.mark.parametrize("start", [0, 1, 7])
@pytest.mark.parametrize("repeats", [1, 3])
def test_runs_are_counted_as_they_happen(every, start, repeats):
    step = NetworkStep("s", every=every, start=start, repeats=repeats)
    runs = 0
    for iteration in range(30):
        assert step.runs_before(iteration) == runs
        runs += repeats * step.is_due(iteration)


def test_runs_of_an_iteration_are_in_the_models_order():
    steps = [NetworkStep("critic", repeats=2), NetworkStep("generator", every=2), NetworkStep("encoder")]
    assert [step.name for step in due_runs(steps, 0)] == ["critic", "critic", "generator", "encoder"]
    assert [step.name for step in due_runs(steps, 1)] == ["critic", "critic", "encoder"]


@pytest.mark.parametrize("wrong", [{"every": 0}, {"start": -1}, {"repeats": 0}, {"every": 2.5}])
def test_impossible_numbers_are_refused(wrong):
    with pytest.raises(InputError, match=f"step 'g': {next(iter(wrong))} is"):
        NetworkStep("g", **wrong)
