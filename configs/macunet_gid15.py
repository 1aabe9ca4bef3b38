# MACU-Net on the 15 fine classes of GID, trained as the authors' released script trains on the 5 (preset `reference`).
_base_ = [
    './_base_/default_runtime.py',
    './_base_/models/macunet.py',
    './_base_/datasets/gid15.py',
    './_base_/schedules/macunet_reference.py',
]
model = dict(decode_head=dict(num_classes=15))
# An "epoch" of the authors is 20 draws of 100 images with replacement, each in batches of 16 and a last one of 4: 140 iterations.
train_dataloader = dict(
    sampler=dict(_delete_=True, type='DrawWithReplacementSampler', draws=20, samples_per_draw=100),
    batch_sampler=dict(type='DrawBatchSampler'),
)
default_hooks = dict(
    early_stopping=dict(type='EarlyStoppingHook', monitor='mIoU', rule='greater', patience=10, min_delta=0.0, strict=True)
)
