"""FCN-8s (Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", CVPR 2015).

Layers, the padding of 100 and the offsets of the skip connections are those of the authors' Caffe model, as in
github.com/wkentaro/pytorch-fcn.
"""

from typing import Any

import torch
from torch import nn

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""VGG16: channels and number of convolutions of each stage; each stage ends with max pooling."""

FC_CHANNELS = 4096
PADDING = 100
"""Padding of the first convolution, so that the 7x7 kernel of fc6 fits into small images."""

POOL4_OFFSET, POOL3_OFFSET, SCORE_OFFSET = 5, 9, 31
"""Index of the image's top left corner in the scores of pool4, of pool3, and in the upsampled scores."""


class FCN8s(nn.Module):
    """Normalised images (N, 3, H, W) to logits (N, classes, H, W).

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
        self.stages = nn.ModuleList(
            _stage(before, after, convolutions, PADDING if index == 0 else 1)
            for index, (before, after, (_, convolutions)) in enumerate(
                zip([3, *channels], channels, STAGES, strict=False)
            )
        )
        self.fc6 = nn.Conv2d(channels[-1], wide, 7)
        self.fc7 = nn.Conv2d(wide, wide, 1)
        self.dropout = nn.Dropout2d()
        self.score_fc7 = nn.Conv2d(wide, classes, 1)
        self.score_pool4 = nn.Conv2d(channels[3], classes, 1)
        self.score_pool3 = nn.Conv2d(channels[2], classes, 1)
        self.upscore_fc7 = _upsampling(classes, 2)
        self.upscore_pool4 = _upsampling(classes, 2)
        self.upscore_pool3 = _upsampling(classes, 8)
        self._initialise()

    def _scaled(self, channels: int) -> int:
        return max(1, round(channels * self.width))

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for score in (self.score_fc7, self.score_pool4, self.score_pool3):
            nn.init.zeros_(score.weight)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pools, features = [], images
        for stage in self.stages:
            features = stage(features)
            pools.append(features)
        features = self.dropout(torch.relu(self.fc6(features)))
        features = self.dropout(torch.relu(self.fc7(features)))
        scores = self.upscore_fc7(self.score_fc7(features))
        scores = scores + _cut(self.score_pool4(pools[3]), POOL4_OFFSET, scores.shape)
        scores = self.upscore_pool4(scores)
        scores = scores + _cut(self.score_pool3(pools[2]), POOL3_OFFSET, scores.shape)
        return _cut(self.upscore_pool3(scores), SCORE_OFFSET, images.shape).contiguous()

    def load_vgg16(self, weights: dict[str, torch.Tensor]) -> None:
        """Loads the weights of timm's `vgg16`, whose fully connected layers are stored as convolutions."""
        own: list[Any] = [module for module in self.stages.modules() if isinstance(module, nn.Conv2d)]
        names = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
        layers = [name for name in names if name.startswith(("features.", "pre_logits."))]
        with torch.no_grad():
            for module, name in zip([*own, self.fc6, self.fc7], layers, strict=True):
                module.weight.copy_(weights[f"{name}.weight"])
                module.bias.copy_(weights[f"{name}.bias"])


def _stage(before: int, after: int, convolutions: int, padding: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(convolutions):
        source, margin = (before, padding) if index == 0 else (after, 1)
        layers += [nn.Conv2d(source, after, 3, padding=margin), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.MaxPool2d(2, ceil_mode=True))


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
