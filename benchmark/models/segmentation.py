"""Builds segmentation baselines: FCN-8s, DeepLabv3+, and the architectures of `segmentation-models-pytorch`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from benchmark.models.baseline import IMAGENET, SegmentationBaseline
from benchmark.models.deeplabv3plus import OUTPUT_STRIDE, DeepLabV3Plus, undilate_first_block
from benchmark.models.fcn8s import FCN8s

VGG16 = "vgg16.tv_in1k"

SEGFORMER_CHANNELS = {"mit_b0": 256, "mit_b1": 256}
"""Channels of NVlabs' SegFormer head on the two small encoders; on all others it has 768."""

SEGFORMER_DROPOUT = 0.1
"""Probability, of a whole channel, before the last layer of NVlabs' head; the library has none."""


def fcn8s(classes: int, width: float, pretrained: bool) -> SegmentationBaseline:
    """FCN-8s on VGG16; pretrained weights are torchvision's, loaded from the Hub by timm."""
    network = FCN8s(classes, width)
    if pretrained:
        import timm

        if width != 1:
            raise ValueError(f"pretrained weights fit width 1, not {width}: add --weights none")
        network.load_vgg16(timm.create_model(VGG16, pretrained=True).state_dict())
    mean, _ = IMAGENET
    return SegmentationBaseline(network, summed_loss=True, statistics=(mean, (1 / 255,) * 3))


def deeplabv3plus(encoder: str, classes: int, pretrained: bool) -> SegmentationBaseline:
    """VainF's DeepLabv3+; the encoder is one of `segmentation-models-pytorch`, pretrained weights from the Hub.

    Raises:
        ValueError: the library has no such encoder, or it cannot be dilated.
    """
    import segmentation_models_pytorch as smp

    weights: Any = _weights(encoder, pretrained)
    with _encoder_of("deeplabv3plus", encoder):
        made = smp.encoders.get_encoder(encoder, weights=weights, output_stride=OUTPUT_STRIDE)
    undilate_first_block(made)
    return SegmentationBaseline(DeepLabV3Plus(made, classes), backbone=("network.encoder.",))


def library_architectures() -> tuple[str, ...]:
    """The architectures of `segmentation-models-pytorch`, by their lower-case names."""
    import segmentation_models_pytorch as smp

    return tuple(smp.MODEL_ARCHITECTURES_MAPPING)


def library_model(architecture: str, encoder: str, classes: int, pretrained: bool) -> SegmentationBaseline:
    """A model of `segmentation-models-pytorch`; pretrained encoders come from the Hub.

    Raises:
        ValueError: the library has no such encoder for this architecture.
    """
    import segmentation_models_pytorch as smp

    weights: Any = _weights(encoder, pretrained)
    segformer = architecture == "segformer"
    arguments = {"decoder_segmentation_channels": SEGFORMER_CHANNELS.get(encoder, 768)} if segformer else {}
    with _encoder_of(architecture, encoder):
        network = smp.create_model(architecture, encoder, weights, classes=classes, **arguments)
    if segformer:
        network.segmentation_head.insert(0, nn.Dropout2d(SEGFORMER_DROPOUT))
    return SegmentationBaseline(network, multiple=32, backbone=("network.encoder.",))


def _weights(encoder: str, pretrained: bool) -> str | bool | None:
    """What the library is told: timm's encoders, by the prefix `tu-`, have one set of weights."""
    return (encoder.startswith("tu-") or "imagenet") if pretrained else None


@contextmanager
def _encoder_of(architecture: str, encoder: str) -> Iterator[None]:
    """Names architecture and encoder in the errors that the library raises for an encoder that does not fit."""
    try:
        yield
    except (KeyError, ValueError, NotImplementedError) as error:
        line = str(error.args[0] if error.args else error).splitlines()[0][:200]
        raise ValueError(f"{architecture} cannot be built on the encoder {encoder!r}: {line}") from error
