# MACU-Net on the 15 fine classes of GID, preset `paper`.
_base_ = [
    './_base_/default_runtime.py',
    './_base_/models/macunet.py',
    './_base_/datasets/gid15.py',
    './_base_/schedules/macunet_paper.py',
]
model = dict(backbone=dict(preset='paper'), decode_head=dict(num_classes=15))  # Eq. (3) as printed
