"""Studies: several methods, several seeds, equal budgets, and the tables, plots and panels that a paper shows of them."""

from __future__ import annotations
