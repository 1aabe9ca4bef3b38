"""What goes into a map: which scenes, where they hold data, and what to do when they cannot be read."""

from __future__ import annotations

from rs_da_mm.inference.inputs.scene_input import SceneInput, find_scenes
from rs_da_mm.inference.inputs.source_watch import SourceWatch
from rs_da_mm.inference.inputs.tolerant_source import TolerantSource, UnreadablePolicy, is_left_out
from rs_da_mm.inference.inputs.unreadable import UnreadableBlocks
from rs_da_mm.inference.inputs.written_blocks import data_map

__all__ = [
    "SceneInput",
    "SourceWatch",
    "TolerantSource",
    "UnreadableBlocks",
    "UnreadablePolicy",
    "data_map",
    "find_scenes",
    "is_left_out",
]
