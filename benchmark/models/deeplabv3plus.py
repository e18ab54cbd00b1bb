"""DeepLabv3+ (Chen et al., "Encoder-Decoder with Atrous Separable Convolution", ECCV 2018) as VainF trains it.

Layers, dilations and initial weights are those of github.com/VainF/DeepLabV3Plus-Pytorch with its default options:
output stride 16, and plain convolutions where the paper has separable ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from segmentation_models_pytorch.encoders import EncoderMixin

OUTPUT_STRIDE = 16
RATES = (6, 12, 18)
"""Dilations of the atrous spatial pyramid at output stride 16."""

CHANNELS, LOW_LEVEL_CHANNELS = 256, 48
DROPOUT = 0.1
LOW_LEVEL = 2
"""Index of the encoder's features at a quarter of the image's side."""


class DeepLabV3Plus(nn.Module):
    """Normalised images (N, 3, H, W) to logits (N, classes, H / 4, W / 4), rounded up.

    Args:
        encoder: of `segmentation-models-pytorch`, with dilation in place of its last stride.
        classes: number of classes, background included.
    """

    def __init__(self, encoder: EncoderMixin, classes: int):
        super().__init__()
        self.encoder = encoder
        self.classifier = Head(encoder.out_channels[-1], encoder.out_channels[LOW_LEVEL], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.encoder(images)
        return self.classifier(features[-1], features[LOW_LEVEL])


class Head(nn.Module):
    """Features (N, in, h, w) and (N, low, H, W) to logits (N, classes, H, W)."""

    def __init__(self, in_channels: int, low_level_channels: int, classes: int):
        super().__init__()
        from torchvision.models.segmentation.deeplabv3 import ASPP

        self.project = nn.Sequential(
            nn.Conv2d(low_level_channels, LOW_LEVEL_CHANNELS, 1, bias=False),
            nn.BatchNorm2d(LOW_LEVEL_CHANNELS),
            nn.ReLU(inplace=True),
        )
        self.aspp = ASPP(in_channels, RATES, CHANNELS)
        self.aspp.project[-1] = nn.Dropout(DROPOUT)
        self.classifier = nn.Sequential(
            nn.Conv2d(CHANNELS + LOW_LEVEL_CHANNELS, CHANNELS, 3, padding=1, bias=False),
            nn.BatchNorm2d(CHANNELS),
            nn.ReLU(inplace=True),
            nn.Conv2d(CHANNELS, classes, 1),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, features: torch.Tensor, low_level: torch.Tensor) -> torch.Tensor:
        low_level = self.project(low_level)
        features = self.aspp(features)
        features = F.interpolate(features, low_level.shape[2:], mode="bilinear", align_corners=False)
        return self.classifier(torch.cat([low_level, features], dim=1))


def undilate_first_block(encoder: nn.Module) -> None:
    """Takes the dilation from the first block of a ResNet's `layer4`, as torchvision's ResNets have it.

    `segmentation-models-pytorch` dilates the whole stage. Other encoders stay as they are.
    """
    layer = getattr(encoder, "layer4", None)
    for module in layer[0].modules() if isinstance(layer, nn.Sequential) else ():
        if isinstance(module, nn.Conv2d):
            module.dilation = (1, 1)
            module.padding = tuple(side // 2 for side in module.kernel_size)
