"""U-Nets: one that the methods are compared with, and one with a ResNet encoder."""

from rs_da_mm.models.unets.plain_unet import PlainUNet
from rs_da_mm.models.unets.resnet_unet import ResNetUNet

__all__ = ["PlainUNet", "ResNetUNet"]
