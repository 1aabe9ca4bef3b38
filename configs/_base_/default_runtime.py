# What every training and test run shares.
custom_imports = dict(imports=['rs_da_mm'], allow_failed_imports=False)
default_scope = 'mmseg'

env_cfg = dict(
    cudnn_benchmark=True,  # one window size per run, so the search for the fastest convolution pays
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),  # tools/train.py takes gloo where there is no GPU
)
randomness = dict(seed=0, diff_rank_seed=True)  # without diff_rank_seed all ranks draw the same random numbers

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='AtomicCheckpointHook', interval=1, max_keep_ckpts=2, save_best='mIoU', rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    preemption=dict(type='PreemptionHook'),  # SIGTERM and SIGUSR1 save and leave
    nonfinite=dict(type='NonFiniteGuardHook'),  # a loss that is NaN stops the run before it harms the weights
    record=dict(type='RunRecordHook'),  # environment, commit and data in log and checkpoints
)
custom_hooks = [
    dict(type='SyncBuffersHook'),  # ranks keep batch statistics of their own; a validation needs the same ones on all
    dict(type='ProgressBarHook'),
    dict(type='PredictionPanelHook', max_panels=6),
]

visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])
log_processor = dict(by_epoch=True, window_size=20)
log_level = 'INFO'
load_from = None
resume = False
