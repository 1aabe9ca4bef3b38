# MACU-Net as its authors released it: 5,151,734 parameters with 3 bands and 6 classes.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='RSDataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),  # the authors divide by 255
    backbone=dict(type='MACUNet', in_channels=3, base_channels=16),
    decode_head=dict(
        type='FCNHead',
        in_channels=16,
        channels=16,
        in_index=0,
        num_convs=0,
        concat_input=False,
        dropout_ratio=0,
        num_classes=6,
        align_corners=False,
        init_cfg=None,  # PyTorch's default, as in the authors' code; mmseg would draw from N(0, 0.01)
        loss_decode=dict(type='WeightedCrossEntropy'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
