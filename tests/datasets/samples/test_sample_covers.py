from __future__ import annotations

import pytest

from rs_da_mm.datasets.samples import gid, gid15, whdld
from rs_da_mm.datasets.samples.covers import FIELDS, ROOFS, SETTLEMENTS, VEGETATION, Cover


def test_probabilities_of_a_settlement_sum_to_1():
    for recipe in SETTLEMENTS.values():
        assert len(recipe.roofs) == len(ROOFS)
        assert sum(recipe.roofs) == pytest.approx(1)
        assert sum(recipe.yards) == pytest.approx(1)


def test_a_cover_has_one_recipe_at_most():
    assert len({*FIELDS, *SETTLEMENTS, *VEGETATION}) == len(FIELDS) + len(SETTLEMENTS) + len(VEGETATION)


@pytest.mark.parametrize("recipe", [gid.RECIPE, gid15.RECIPE, whdld.RECIPE], ids=["gid", "gid15", "whdld"])
def test_shares_of_a_landscape_sum_to_1(recipe):
    assert sum(recipe.shares.values()) == pytest.approx(1, abs=0.03)
    assert Cover.RIVER not in recipe.shares  # rivers run through; they are no zones
