# MACU-Net against one of its ablations, on GID or its miniature, with a schedule of minutes (4 runs, < 15 minutes on 2 cores):
#   python tools/make_sample_data.py gid
#   python tools/compare.py configs/studies/macunet_gid.py
# The paper's own comparison asks for the real data, the configs' own schedule (leave `overrides` out) and more seeds.
# docs/studies.md says what each key means.
title = 'MACU-Net and its ablation ACU-Net on GID'
data = 'GID, 5 classes and "others"'

methods = [
    dict(
        name='ACU-Net',  # a U-Net of MACU-Net's blocks
        config='../macunet_gid.py',
        overrides={'model.backbone.multi_scale': False, 'model.backbone.attention': False},
        note='no multi-scale skips, no channel attention; the paper does not say how wide its ACU-Net is.',
    ),
    dict(name='MACU-Net', config='../macunet_gid.py'),
]
seeds = [0, 1]
overrides = {
    'train_cfg.max_epochs': 6,
    'train_dataloader.batch_size': 8,
    'train_dataloader.sampler.draws': 1,
    'train_dataloader.sampler.samples_per_draw': 72,
    'default_hooks.early_stopping': None,
    'default_hooks.logger.interval': 3,
}
select = 'best'
budget = 'equal'

metrics = [
    dict(name='OA', title='OA (%)'),
    dict(name='AA', title='AA (%)'),
    dict(name='Kappa', title='Kappa (%)'),
    dict(name='mIoU', title='mIoU (%)'),
    dict(name='FWIoU', title='FWIoU (%)'),
    dict(name='mF1', title='F1 (%)'),
]
panels = dict(count=3)

papers = [
    dict(
        citation='Li et al., IEEE GRSL',
        table='Table III',
        values={
            'ACU-Net': dict(OA=83.816, AA=85.057, Kappa=79.422, mIoU=75.043, FWIoU=72.829, mF1=85.341),
            'MACU-Net': dict(OA=84.719, AA=87.133, Kappa=80.654, mIoU=76.414, FWIoU=73.973, mF1=86.221),
        },
        note='On GID, random 60/20/20 split of 10,920 windows; the number of epochs is not printed.',
    )
]
notes = ['The schedule is one of minutes, for trying the study out; it is neither the paper\'s nor that of the authors\' code.']
