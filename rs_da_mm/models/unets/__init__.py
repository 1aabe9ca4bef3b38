"""U-Nets that the methods are compared with."""

from rs_da_mm.models.unets.plain_unet import PlainUNet

__all__ = ["PlainUNet"]
