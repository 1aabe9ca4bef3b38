"""Every miniature that can be made."""

from __future__ import annotations

from rs_da_mm.datasets.samples.gid import GID
from rs_da_mm.datasets.samples.gid15 import GID15
from rs_da_mm.datasets.samples.miniature import Miniature
from rs_da_mm.datasets.samples.whdld import WHDLD

MINIATURES: dict[str, Miniature] = {miniature.name: miniature for miniature in (GID, GID15, WHDLD)}
"""The miniatures by the name that ``tools/make_sample_data.py`` takes."""
