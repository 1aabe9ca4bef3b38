"""MACU-Net: multi-scale skip connections and asymmetric convolutions in a U-Net."""

from rs_da_mm.models.macunet.asymmetric_conv import KERNELS, AsymmetricConv
from rs_da_mm.models.macunet.channel_attention import ChannelAttention
from rs_da_mm.models.macunet.network import MACUNet
from rs_da_mm.models.macunet.padding import crop_to, pad_to_multiple
from rs_da_mm.models.macunet.up_sample import UpSample

__all__ = ["KERNELS", "AsymmetricConv", "ChannelAttention", "MACUNet", "UpSample", "crop_to", "pad_to_multiple"]
