# GID, 5 classes and "others": 15 scenes of 6800 x 7200 pixels, read by window of 256, remainders dropped: 10,920 windows.
dataset_type = 'GIDDataset'
data_root = 'data/GID/Large-scale Classification_5classes'
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
        scenes='paper',
        window_size=256,
        edge='drop',
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
        scenes='paper',
        window_size=256,
        edge='drop',
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
        scenes='paper',
        window_size=256,
        edge='drop',
        split=split,
        part='test',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='LandCoverMetric', collect_device='gpu')  # through the process group: no folder to share
test_evaluator = val_evaluator
