"""Using trained models: test-time augmentation."""

from rs_da_mm.inference.dihedral_tta import DihedralTTAModel

__all__ = ["DihedralTTAModel"]
