# WHDLD: 4,940 images of 256 x 256 pixels, 60/20/20: 2,964, 988 and 988.
dataset_type = 'WHDLDDataset'
data_root = 'data/WHDLD'
split = dict(type='random', ratios=(0.6, 0.2, 0.2), seed=0)

train_pipeline = [
    dict(type='LoadRaster'),
    dict(type='LoadRasterLabel'),
    dict(type='PackRSInputs'),
]
test_pipeline = train_pipeline

train_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split=split,
        part='train',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split=split,
        part='val',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=16,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split=split,
        part='test',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='LandCoverMetric', collect_device='gpu')  # through the process group: no folder to share
test_evaluator = val_evaluator
