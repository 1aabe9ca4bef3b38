# GID-15, the fine classes: 10 scenes of 6800 x 7200 pixels, by window of 256; windows with more than 80 % unknown are left out.
dataset_type = 'GID15Dataset'
data_root = 'data/GID/Fine Land-cover Classification_15classes'
split = dict(type='random', ratios=(4, 1, 1), seed=0)

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
        window_size=256,
        edge='drop',
        max_ignored=0.8,
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
        window_size=256,
        edge='drop',
        max_ignored=0.8,
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
        window_size=256,
        edge='drop',
        max_ignored=0.8,
        split=split,
        part='test',
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
val_evaluator = dict(type='LandCoverMetric', collect_device='gpu')  # through the process group: no folder to share
test_evaluator = val_evaluator
