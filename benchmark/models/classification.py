"""Builds CNNSpot and UniversalFakeDetect, and loads their authors' published weights."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import nn

from benchmark.models.baseline import ClassificationBaseline

CLIP = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""CLIP's mean and standard deviation per channel."""

CLIP_ENCODERS: dict[str, dict[str, Any]] = {
    "openai/clip-vit-large-patch14": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "patch_size": 14,
        "projection_dim": 768,
    },
    "tiny": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "patch_size": 8,
        "projection_dim": 768,
    },
}
"""Image encoders by Hub id; `tiny` has random weights and is for tests on a CPU."""

INITIAL_STD = 0.02
"""Standard deviation of the last layer's initial weights, for both."""


def cnnspot(encoder: str, side: int, pretrained: bool) -> ClassificationBaseline:
    """CNNSpot (Wang et al., "CNN-generated images are surprisingly easy to spot... for now", CVPR 2020).

    Args:
        encoder: a timm model; `resnet50.tv_in1k` is the authors' ResNet-50 with torchvision's weights.
        side: side of the crop in pixels; the authors use 224.
        pretrained: whether to start from ImageNet weights, from the Hub.
    """
    import timm

    network: Any = timm.create_model(encoder, pretrained=pretrained, num_classes=1)
    last = network.get_classifier()
    nn.init.normal_(last.weight, std=INITIAL_STD)
    return ClassificationBaseline(network, side)


class ClipLinear(nn.Module):
    """One linear layer on frozen, un-normalised CLIP image features."""

    def __init__(self, clip: nn.Module, features: int):
        super().__init__()
        self.clip = clip.requires_grad_(False)
        self.fc = nn.Linear(features, 1)
        nn.init.normal_(self.fc.weight, std=INITIAL_STD)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc(self.clip(pixel_values=images).image_embeds)

    def train(self, mode: bool = True) -> ClipLinear:
        super().train(mode)
        self.clip.eval()
        return self


def universalfakedet(encoder: str, side: int, pretrained: bool) -> ClassificationBaseline:
    """UniversalFakeDetect (Ojha, Li and Lee, CVPR 2023): CLIP ViT-L/14, frozen, and a linear layer.

    Args:
        encoder: a name of CLIP_ENCODERS.
        side: side of the crop in pixels; CLIP uses 224.
        pretrained: whether to load CLIP's weights from the Hub; without them the features are random.
    """
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    if encoder not in CLIP_ENCODERS:
        raise ValueError(f"{encoder!r} is no encoder of universalfakedet; it has {', '.join(CLIP_ENCODERS)}")
    if pretrained and encoder == "tiny":
        raise ValueError("the encoder 'tiny' has no pretrained weights: add --weights none")
    arguments = CLIP_ENCODERS[encoder]
    if pretrained:
        clip = CLIPVisionModelWithProjection.from_pretrained(encoder)
    else:
        clip = CLIPVisionModelWithProjection(CLIPVisionConfig(**arguments, image_size=side))
    return ClassificationBaseline(ClipLinear(clip, arguments["projection_dim"]), side, statistics=CLIP)


def load_published(baseline: ClassificationBaseline, file: str) -> None:
    """Loads the authors' published weights into a baseline.

    For `universalfakedet` the file is `fc_weights.pth`, the linear layer alone: `weight` (1, 768), `bias` (1,).
    For `cnnspot` it is `blur_jpg_prob0.5.pth` or `blur_jpg_prob0.1.pth`: the whole network under `model`.

    Raises:
        FileNotFoundError, ValueError: the file does not exist, or does not hold these weights.
    """
    if not os.path.isfile(file):
        raise FileNotFoundError(f"{file}: there is no such file of published weights")
    try:
        weights = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{file} is no file of weights that can be read safely: {error}") from error
    target = baseline.network.fc if isinstance(baseline.network, ClipLinear) else baseline.network
    weights = weights.get("model", weights)
    wanted = {name: tuple(value.shape) for name, value in target.state_dict().items()}
    # The file is older than torch's `num_batches_tracked`.
    found = {name: tuple(value.shape) for name, value in weights.items()}
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    if {**found, **dict.fromkeys(counters, ())} != wanted:
        odd = sorted(set(found.items()) ^ {item for item in wanted.items() if item[0] not in counters})
        raise ValueError(
            f"{file} does not hold the published weights: {odd[0][0]} is missing, extra or of another shape"
        )
    target.load_state_dict(weights, strict=False)
