# Preset `paper`: what the text prints: Adam at 3e-5, "decays according to cosine annealing". How many epochs, what batch size and
# how windows are drawn is not printed: 100 epochs of every window once, in batches of 16, are our choice.
train_cfg = dict(type='ResumableEpochBasedTrainLoop', max_epochs=100, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=3e-5))
param_scheduler = dict(type='CosineAnnealingLR', eta_min=0.0, by_epoch=True)  # over all epochs
auto_scale_lr = dict(enable=False, base_batch_size=16)
