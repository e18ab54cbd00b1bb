"""DeepLabv3+ and FCN-8s layer by layer, as their authors wrote them down."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from benchmark.models.baseline import IMAGENET
from benchmark.models.fcn8s import FCN8s
from benchmark.models.registry import ModelSpec, build

RESNET50_STAGES = {
    "layer1": (64, 3, 1, 1),
    "layer2": (128, 4, 2, 1),
    "layer3": (256, 6, 2, 1),
    "layer4": (512, 3, 1, 2),
}
"""Of VainF's backbone at output stride 16: channels inside of a block, blocks, stride of the first, dilation of
the others."""

DEEPLAB_HEAD = {
    "project.0": ((48, 256, 1, 1), 1, False),
    "aspp.convs.0.0": ((256, 2048, 1, 1), 1, False),
    "aspp.convs.1.0": ((256, 2048, 3, 3), 6, False),
    "aspp.convs.2.0": ((256, 2048, 3, 3), 12, False),
    "aspp.convs.3.0": ((256, 2048, 3, 3), 18, False),
    "aspp.convs.4.1": ((256, 2048, 1, 1), 1, False),
    "aspp.project.0": ((256, 1280, 1, 1), 1, False),
    "classifier.0": ((256, 304, 3, 3), 1, False),
    "classifier.3": ((9, 256, 1, 1), 1, True),
}
"""Convolutions of VainF's `DeepLabHeadV3Plus` on ResNet-50: shape, dilation, bias. Beside them only batch
normalisation has weights."""

FCN8S = {
    "conv1_1": (64, 3, 3, 1, 100),
    "conv1_2": (64, 64, 3, 1, 1),
    "conv2_1": (128, 64, 3, 1, 1),
    "conv2_2": (128, 128, 3, 1, 1),
    "conv3_1": (256, 128, 3, 1, 1),
    "conv3_2": (256, 256, 3, 1, 1),
    "conv3_3": (256, 256, 3, 1, 1),
    "conv4_1": (512, 256, 3, 1, 1),
    "conv4_2": (512, 512, 3, 1, 1),
    "conv4_3": (512, 512, 3, 1, 1),
    "conv5_1": (512, 512, 3, 1, 1),
    "conv5_2": (512, 512, 3, 1, 1),
    "conv5_3": (512, 512, 3, 1, 1),
    "fc6": (4096, 512, 7, 1, 0),
    "fc7": (4096, 4096, 1, 1, 0),
    "score_fr": (21, 4096, 1, 1, 0),
    "score_pool4": (21, 512, 1, 1, 0),
    "score_pool3": (21, 256, 1, 1, 0),
    "upscore2": (21, 21, 4, 2, 0),
    "upscore_pool4": (21, 21, 4, 2, 0),
    "upscore8": (21, 21, 16, 8, 0),
}
"""The layers of Caffe's `voc-fcn8s-atonce`: outputs, inputs, side of the kernel, stride, padding."""


@pytest.fixture(scope="module")
def deeplab():
    return build(ModelSpec("deeplabv3plus", "resnet50", "semantic", 512), pretrained=False).eval()


def test_deeplabs_head_is_vainfs(deeplab):
    head = deeplab.network.classifier
    convolutions = {name: layer for name, layer in head.named_modules() if isinstance(layer, nn.Conv2d)}
    found = {
        name: (tuple(layer.weight.shape), layer.dilation[0], layer.bias is not None)
        for name, layer in convolutions.items()
    }
    assert found == DEEPLAB_HEAD
    assert all(layer.stride == (1, 1) and layer.groups == 1 for layer in convolutions.values())
    assert [layer.p for layer in head.modules() if isinstance(layer, nn.Dropout)] == [0.1]
    assert sum(parameter.numel() for parameter in head.parameters()) == 16_250_729


def test_deeplabs_backbone_is_a_resnet_whose_last_stage_begins_undilated(deeplab):
    encoder = deeplab.network.encoder
    assert (encoder.conv1.kernel_size, encoder.conv1.stride) == ((7, 7), (2, 2))
    for stage, (channels, blocks, stride, dilation) in RESNET50_STAGES.items():
        layer = getattr(encoder, stage)
        assert len(layer) == blocks
        for place, block in enumerate(layer):
            rate = 1 if place == 0 else dilation
            assert tuple(block.conv2.weight.shape) == (channels, channels, 3, 3)
            assert block.conv2.stride == ((stride, stride) if place == 0 else (1, 1)), (stage, place)
            assert (block.conv2.dilation, block.conv2.padding) == ((rate, rate), (rate, rate)), (stage, place)
    assert sum(parameter.numel() for parameter in deeplab.parameters()) == 39_758_761
    features = encoder(torch.rand(1, 3, 64, 64))
    assert features[-1].shape[1:] == (2048, 4, 4), "output stride 16"


def test_deeplabs_ends_with_what_the_head_says_enlarged_to_the_image(deeplab):
    images = torch.rand(1, 3, 70, 45)
    with torch.no_grad():
        features = deeplab.network.encoder(deeplab.normalised(images))
        scores = deeplab.network.classifier(features[-1], features[2])
        assert scores.shape == (1, 9, 18, 12), "a quarter of the side"
        expected = F.interpolate(scores, (70, 45), mode="bilinear", align_corners=False)
        torch.testing.assert_close(deeplab(images), expected)


@pytest.mark.parametrize(("encoder", "channels"), [("mit_b0", 256), ("mit_b2", 768)])
def test_segformers_head_has_nvlabs_width_and_dropout(encoder, channels):
    network = build(ModelSpec("segformer", encoder, "semantic", 512), pretrained=False).network
    assert [layer.linear.out_features for layer in network.decoder.mlp_stage] == [channels] * 4
    assert tuple(network.segmentation_head[1].weight.shape) == (9, channels, 1, 1)
    assert isinstance(network.segmentation_head[0], nn.Dropout2d)
    assert network.segmentation_head[0].p == 0.1


def test_fcn8s_has_the_layers_of_the_authors_model():
    with torch.device("meta"):
        network = FCN8s(classes=21)
    layers = {
        name: layer for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    }
    found = {
        name: (*layer.weight.shape[:2], layer.kernel_size[0], layer.stride[0], layer.padding[0])
        for name, layer in layers.items()
    }
    assert found == FCN8S
    assert all(layer.dilation == (1, 1) for layer in layers.values())
    assert (network.pool.kernel_size, network.pool.ceil_mode) == (2, True)
    trained = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    vgg16_without_its_last_layer = 138_357_544 - 4097 * 1000
    assert trained == vgg16_without_its_last_layer + (4097 + 513 + 257) * 21


def test_weights_of_torchvisions_vgg16_give_the_same_features_at_caffes_scale():
    baseline = build(ModelSpec("fcn8s", "vgg16", "binary", 64, width=0.05), pretrained=False).eval()
    network, weights = baseline.network, {}
    own = [*network._convolutions(), network.fc6, network.fc7]
    names = [f"features.{index}" for index in range(13)] + ["pre_logits.fc1", "pre_logits.fc2"]
    for name, layer in zip(names, own, strict=True):
        weights[f"{name}.weight"] = torch.randn_like(layer.weight) / layer.weight[0].numel() ** 0.5
        weights[f"{name}.bias"] = torch.randn_like(layer.bias) / 10
    network.load_vgg16(weights)
    found = {}
    for name in ("pool", "fc7"):
        getattr(network, name).register_forward_hook(
            lambda *of, name=name: found.setdefault(name, []).append(of[2])
        )
    images = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        baseline(images)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in IMAGENET)
        features, pools = (images - mean) / std, []
        for name in names[:13]:
            padding = 100 if name == "features.0" else 1
            features = F.conv2d(
                features, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=padding
            ).relu()
            if name in {f"features.{index}" for index in (1, 3, 6, 9, 12)}:
                features = F.max_pool2d(features, 2, ceil_mode=True)
                pools.append(features)
        for name in names[13:]:
            features = F.conv2d(features.relu(), weights[f"{name}.weight"], weights[f"{name}.bias"])
    assert len(pools) == len(found["pool"])
    for ours, theirs in zip(found["pool"], pools, strict=True):
        torch.testing.assert_close(ours, theirs * 255 * sum(IMAGENET[1]) / 3, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(found["fc7"][0], features, rtol=1e-4, atol=1e-4)
