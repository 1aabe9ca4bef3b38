# Preset `reference`: what the authors' training script does. The draws and the early stopping are in the configs themselves.
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=100, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=3e-4))
# A cosine of 10 epochs that goes on beyond them: down to 1 % at epoch 10, back up at epoch 20, and so on.
param_scheduler = dict(type='CosineAnnealingLR', T_max=10, eta_min_ratio=0.01, by_epoch=True)
auto_scale_lr = dict(enable=False, base_batch_size=16)
