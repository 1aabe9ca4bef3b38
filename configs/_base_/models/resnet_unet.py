# U-Net with a ResNet-50 encoder, with the head of the authors of SS(DA)²; 3 bands and 2 classes.
# Other encoders: depth=18 or 34, whose output has 16 channels (the head's in_channels and channels), or decoder_channels as here.
# Weights of a ResNet to start from: backbone.init_cfg=dict(type='InflatedPretrained', checkpoint='resnet50.pth').
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(type='RSDataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3),  # the authors divide by 255
    backbone=dict(type='ResNetUNet', in_channels=3, depth=50, decoder_channels=(1024, 512, 256, 128, 64)),
    decode_head=dict(
        type='FCNHead',
        in_channels=64,
        channels=64,
        in_index=0,
        num_convs=1,
        kernel_size=3,
        concat_input=False,
        dropout_ratio=0,
        norm_cfg=dict(type='BN'),
        num_classes=2,
        align_corners=False,
        init_cfg=None,  # PyTorch's default; mmseg would draw from N(0, 0.01)
        loss_decode=dict(type='WeightedCrossEntropy'),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
