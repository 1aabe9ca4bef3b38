# MACU-Net on GID, preset `reference`: trained as the authors' released script does.
_base_ = [
    './_base_/default_runtime.py',
    './_base_/models/macunet.py',
    './_base_/datasets/gid.py',
    './_base_/schedules/macunet_reference.py',
]
# An "epoch" of the authors is 20 draws of 100 images with replacement, each in batches of 16 and a last one of 4: 140 iterations.
train_dataloader = dict(
    sampler=dict(_delete_=True, type='DrawWithReplacementSampler', draws=20, samples_per_draw=100),
    batch_sampler=dict(type='DrawBatchSampler'),
)
default_hooks = dict(
    early_stopping=dict(type='EarlyStoppingHook', monitor='mIoU', rule='greater', patience=10, min_delta=0.0, strict=True)
)
