"""Mask2Former (Cheng et al., CVPR 2022) for semantic segmentation, from `transformers`."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from benchmark.models.baseline import IMAGENET, SegmentationBaseline

SWIN: dict[str, dict[str, Any]] = {
    "swin-tiny": {"embed_dim": 96, "depths": [2, 2, 6, 2], "num_heads": [3, 6, 12, 24]},
    "swin-small": {"embed_dim": 96, "depths": [2, 2, 18, 2], "num_heads": [3, 6, 12, 24]},
    "swin-base": {"embed_dim": 128, "depths": [2, 2, 18, 2], "num_heads": [4, 8, 16, 32]},
    "swin-nano": {"embed_dim": 16, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 2, 4]},
}
"""Backbones by name; `swin-nano` has a small decoder and no pretrained weights, and is for tests on a CPU."""

PRETRAINED = "facebook/mask2former-{}-ade-semantic"
_NANO_DECODER: dict[str, Any] = {
    "hidden_dim": 32,
    "feature_size": 32,
    "mask_feature_size": 32,
    "dim_feedforward": 64,
    "encoder_feedforward_dim": 64,
    "encoder_layers": 1,
    "decoder_layers": 3,
    "num_attention_heads": 2,
    "num_queries": 20,
    "train_num_points": 1024,
}


class Mask2Former(SegmentationBaseline):
    """Mask2Former with per-pixel class scores from its queries; trained with the set loss of `transformers`.

    Args:
        encoder: a name of SWIN.
        classes: number of classes; background is one of them.
        pretrained: whether to start from the weights trained on ADE20K.
    """

    def __init__(self, encoder: str, classes: int, pretrained: bool):
        super().__init__(
            _network(encoder, classes, pretrained),
            multiple=32,
            statistics=IMAGENET,
            backbone=("network.model.pixel_level_module.encoder",),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(N, 3, H, W) from 0 to 1 to (N, C, H, W) logarithms of scores."""
        height, width = images.shape[-2:]
        out = self.network(pixel_values=self._padded(images))
        # As `post_process_semantic_segmentation` does: the last class of a query is "none of them".
        classes = out.class_queries_logits.float().softmax(dim=-1)[..., :-1]
        masks = out.masks_queries_logits.float().sigmoid()
        scores = torch.einsum("nqc,nqhw->nchw", classes, masks).clamp(min=1e-6).log()
        padded = height + -height % self.multiple, width + -width % self.multiple
        return F.interpolate(scores, padded, mode="bilinear", align_corners=False)[..., :height, :width]

    def _padded(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[-2:]
        padding = (0, -width % self.multiple, 0, -height % self.multiple)
        return F.pad(self.normalised(images), padding, mode="replicate")

    def loss(self, images: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The set loss in training mode; otherwise cross-entropy per pixel, the loss of a white-box attack."""
        if not self.training:
            return super().loss(images, targets)
        height, width = images.shape[-2:]
        targets = F.pad(targets, (0, -width % self.multiple, 0, -height % self.multiple), value=255)
        present = [target.unique()[target.unique() != 255] for target in targets]
        masks = [
            (target == labels.view(-1, 1, 1)).float() for target, labels in zip(targets, present, strict=True)
        ]
        labels = [found.long() for found in present]
        out = self.network(pixel_values=self._padded(images), mask_labels=masks, class_labels=labels)
        return out.loss.squeeze()


def _network(encoder: str, classes: int, pretrained: bool) -> nn.Module:
    from transformers import Mask2FormerConfig, Mask2FormerForUniversalSegmentation, SwinConfig

    if encoder not in SWIN:
        raise ValueError(f"{encoder!r} is no encoder of mask2former; it has {', '.join(SWIN)}")
    if pretrained:
        if encoder == "swin-nano":
            raise ValueError("swin-nano has no pretrained weights: add --weights none")
        return Mask2FormerForUniversalSegmentation.from_pretrained(
            PRETRAINED.format(encoder), num_labels=classes, ignore_mismatched_sizes=True
        )
    small = encoder == "swin-nano"
    arguments: dict[str, Any] = {
        **SWIN[encoder],
        "window_size": 4 if small else 7,
        "drop_path_rate": 0.0 if small else 0.3,
        "out_features": ["stage1", "stage2", "stage3", "stage4"],
    }
    backbone = SwinConfig(**arguments)
    config = Mask2FormerConfig(backbone_config=backbone, **(_NANO_DECODER if small else {}))
    config.num_labels = classes
    return Mask2FormerForUniversalSegmentation(config)
