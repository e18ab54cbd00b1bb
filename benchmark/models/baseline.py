"""Base classes of the baselines: torch modules with normalisation, network and loss."""

import torch
from torch import nn
from torch.nn import functional as F

from diffseg30k import IGNORE

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation per channel, of images from 0 to 1."""


class Baseline(nn.Module):
    """A network with normalisation of its input images, which are from 0 to 1.

    Args:
        network: takes normalised images.
        statistics: mean and standard deviation per channel.
        backbone: name prefixes of the backbone's parameters, for recipes with another learning rate for it.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, network: nn.Module, statistics=IMAGENET, backbone: tuple[str, ...] = ()):
        super().__init__()
        self.network = network
        self.backbone = backbone
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in statistics)
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("std", std, persistent=False)

    def normalised(self, images: torch.Tensor) -> torch.Tensor:
        return (images - self.mean) / self.std

    def in_backbone(self, name: str) -> bool:
        """Whether the parameter of this name belongs to the backbone."""
        return name.startswith(self.backbone) if self.backbone else False

    def loss(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The training loss of a batch, a scalar."""
        raise NotImplementedError


class SegmentationBaseline(Baseline):
    """A segmentation network for images of any size.

    Args:
        network: normalised (N, 3, H, W) to logits (N, C, h, w); h, w are H, W or smaller.
        multiple: H and W of the network's input are multiples of this; images are padded, and logits cropped.
        summed_loss: whether the cross-entropy is summed over an image's pixels instead of averaged.
    """

    def __init__(self, network: nn.Module, multiple: int = 1, summed_loss: bool = False, **kwargs):
        super().__init__(network, **kwargs)
        self.multiple = multiple
        self.summed_loss = summed_loss

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) from 0 to 1 to logits (N, C, H, W)."""
        height, width = images.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        padded = (
            F.pad(self.normalised(images), padding, mode="replicate") if any(padding) else self.normalised(images)
        )
        logits = self.network(padded)
        if logits.shape[-2:] != padded.shape[-2:]:
            logits = F.interpolate(logits, padded.shape[-2:], mode="bilinear", align_corners=False)
        return logits[..., :height, :width]

    def loss(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Cross-entropy against (N, H, W) integer targets; pixels with 255 are ignored."""
        return pixel_loss(self(images), targets, self.summed_loss)


def pixel_loss(logits: torch.Tensor, targets: torch.Tensor, summed: bool = False) -> torch.Tensor:
    """Cross-entropy per pixel, averaged, or summed over each image and averaged over the images."""
    total = F.cross_entropy(logits.float(), targets.long(), ignore_index=IGNORE, reduction="sum")
    return total / (len(targets) if summed else (targets != IGNORE).sum().clamp(min=1))


class ClassificationBaseline(Baseline):
    """A binary classifier of images; a logit above 0 means "edited".

    Args:
        network: normalised (N, 3, side, side) to (N, 1).
        side: side of the network's input, in pixels; images are cropped at the centre or padded with black, as by
            torchvision's CenterCrop.
    """

    def __init__(self, network: nn.Module, side: int, **kwargs):
        super().__init__(network, **kwargs)
        self.side = side

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) from 0 to 1 to logits (N,)."""
        from torchvision.transforms.functional import center_crop

        return self.network(self.normalised(center_crop(images, [self.side, self.side]))).flatten()

    def loss(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy against (N,) targets, 0 or 1."""
        return F.binary_cross_entropy_with_logits(self(images).float(), targets.float())
