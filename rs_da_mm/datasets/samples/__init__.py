"""Miniatures: invented landscapes in the layouts of public data sets, so that everything runs before the real data is there.

:mod:`rs_da_mm.datasets.samples.catalogue` lists them; what a data set asks about a folder is here.
"""

from __future__ import annotations

from rs_da_mm.datasets.samples.marker import SAMPLE_FILE, is_sample, sample_notice

__all__ = ["SAMPLE_FILE", "is_sample", "sample_notice"]
