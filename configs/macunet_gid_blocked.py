# MACU-Net on GID, preset `reference`, with whole scenes in one part each: no window has its neighbours in another part.
_base_ = ['./macunet_gid.py']
split = dict(type='blocked', block='scene', ratios=(0.6, 0.2, 0.2), seed=0)
train_dataloader = dict(dataset=dict(split=split))
val_dataloader = dict(dataset=dict(split=split))
test_dataloader = dict(dataset=dict(split=split))
