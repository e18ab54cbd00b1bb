"""FCN-8s (Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015).

Layers, their names, the padding of 100, and the offsets and factors of the skip connections are those of the
authors' Caffe model `voc-fcn8s-atonce`, as in github.com/wkentaro/pytorch-fcn.

The authors' learning rate is one for Caffe's VGG16, whose inputs are from 0 to 255, less the mean, and whose
activations are in the hundreds up to pool5. torchvision's weights are for inputs with unit variance. A network of
convolutions, ReLU and max pooling gives c times the output for c times the input if its biases are c times as
large: so they are brought to Caffe's scale here, which changes no output.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from benchmark.models.baseline import IMAGENET

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""VGG16: channels and number of convolutions of each stage; each stage ends with max pooling."""

_, STD = IMAGENET

SCALE = 255 * sum(STD) / 3
"""Caffe's activations over torchvision's, in the five stages."""

POOL4_FACTOR, POOL3_FACTOR = 0.01, 0.0001
"""What pool4 and pool3 are multiplied by, so that all scores can be trained at once."""

FC_CHANNELS = 4096
PADDING = 100
"""Padding of the first convolution, so that the 7x7 kernel of fc6 fits into small images."""

POOL4_OFFSET, POOL3_OFFSET, SCORE_OFFSET = 5, 9, 31
"""Index of the image's top left corner in the scores of pool4, of pool3, and in the upsampled scores."""


class FCN8s(nn.Module):
    """Images (N, 3, H, W) from 0 to 255, less the mean of each channel, to logits (N, classes, H, W).

    Args:
        classes: number of classes, background included.
        width: factor on the channels of every VGG16 layer. 1 is the published network with 134 million parameters,
            the only one with pretrained weights; smaller ones are for tests on a CPU.
    """

    def __init__(self, classes: int, width: float = 1.0):
        super().__init__()
        self.width = width
        channels = [self._scaled(count) for count, _ in STAGES]
        wide = self._scaled(FC_CHANNELS)
        before = 3
        for stage, (after, (_, count)) in enumerate(zip(channels, STAGES, strict=True), start=1):
            for layer in range(1, count + 1):
                padding = PADDING if (stage, layer) == (1, 1) else 1
                self.add_module(f"conv{stage}_{layer}", nn.Conv2d(before, after, 3, padding=padding))
                before = after
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.fc6 = nn.Conv2d(channels[-1], wide, 7)
        self.fc7 = nn.Conv2d(wide, wide, 1)
        self.dropout = nn.Dropout2d()
        self.score_fr = nn.Conv2d(wide, classes, 1)
        self.score_pool4 = nn.Conv2d(channels[3], classes, 1)
        self.score_pool3 = nn.Conv2d(channels[2], classes, 1)
        self.upscore2 = _upsampling(classes, 2)
        self.upscore_pool4 = _upsampling(classes, 2)
        self.upscore8 = _upsampling(classes, 8)
        self._initialise()

    def _scaled(self, channels: int) -> int:
        return max(1, round(channels * self.width))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for score in (self.score_fr, self.score_pool4, self.score_pool3):
            nn.init.zeros_(score.weight)
        self._bring_to_scale()

    def _stages(self) -> list[list[Any]]:
        """The convolutions of each stage, in order."""
        return [
            [getattr(self, f"conv{stage}_{layer}") for layer in range(1, count + 1)]
            for stage, (_, count) in enumerate(STAGES, start=1)
        ]

    def _convolutions(self) -> list[Any]:
        return [layer for stage in self._stages() for layer in stage]

    @torch.no_grad()
    def _bring_to_scale(self) -> None:
        """From weights for inputs with unit variance to those that give the same scores for Caffe's inputs."""
        first = self._convolutions()[0]
        first.weight.mul_(SCALE / 255 / torch.tensor(STD).view(1, 3, 1, 1))
        for layer in self._convolutions():
            layer.bias.mul_(SCALE)
        self.fc6.weight.div_(SCALE)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pools, features = [], images
        for stage in self._stages():
            for layer in stage:
                features = F.relu(layer(features), inplace=True)
            features = self.pool(features)
            pools.append(features)
        features = self.dropout(torch.relu(self.fc6(features)))
        features = self.dropout(torch.relu(self.fc7(features)))
        scores = self.upscore2(self.score_fr(features))
        scores = scores + _cut(self.score_pool4(pools[3] * POOL4_FACTOR), POOL4_OFFSET, scores.shape)
        scores = self.upscore_pool4(scores)
        scores = scores + _cut(self.score_pool3(pools[2] * POOL3_FACTOR), POOL3_OFFSET, scores.shape)
        return _cut(self.upscore8(scores), SCORE_OFFSET, images.shape).contiguous()

    def load_vgg16(self, weights: dict[str, torch.Tensor]) -> None:
        """Loads the weights of timm's `vgg16`, whose fully connected layers are stored as convolutions, and brings
        them to Caffe's scale."""
        own = self._convolutions()
        names = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
        layers = [name for name in names if name.startswith(("features.", "pre_logits."))]
        with torch.no_grad():
            for module, name in zip([*own, self.fc6, self.fc7], layers, strict=True):
                module.weight.copy_(weights[f"{name}.weight"])
                module.bias.copy_(weights[f"{name}.bias"])
        self._bring_to_scale()


def _upsampling(classes: int, factor: int) -> nn.ConvTranspose2d:
    """Fixed bilinear upsampling of each class, as a transposed convolution."""
    side = 2 * factor
    layer = nn.ConvTranspose2d(classes, classes, side, stride=factor, bias=False)
    ramp = 1 - (torch.arange(side) - (side - 1) / 2).abs() / factor
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[range(classes), range(classes)] = torch.outer(ramp, ramp)
    layer.weight.requires_grad_(False)
    return layer


def _cut(scores: torch.Tensor, offset: int, shape: torch.Size) -> torch.Tensor:
    return scores[..., offset : offset + shape[-2], offset : offset + shape[-1]]
