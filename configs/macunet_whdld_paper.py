# MACU-Net on WHDLD, preset `paper`: network and training as the text prints them.
_base_ = [
    './_base_/default_runtime.py',
    './_base_/models/macunet.py',
    './_base_/datasets/whdld.py',
    './_base_/schedules/macunet_paper.py',
]
model = dict(backbone=dict(preset='paper'))  # Eq. (3) as printed; the parameter count printed, 5.152 M, is the one without
