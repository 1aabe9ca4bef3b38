"""Using trained models: scenes of any size become maps; test-time augmentation."""

from rs_da_mm.inference.inferencer import MapResult, SceneInferencer
from rs_da_mm.inference.maps.options import MapOptions
from rs_da_mm.inference.maps.reading import ReadOptions
from rs_da_mm.inference.segmentors.dihedral_tta import DihedralTTAModel
from rs_da_mm.inference.segmentors.segmentor_options import SegmentorOptions

__all__ = ["DihedralTTAModel", "MapOptions", "MapResult", "ReadOptions", "SceneInferencer", "SegmentorOptions"]
