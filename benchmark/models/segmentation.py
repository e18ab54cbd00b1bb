"""Builds segmentation baselines: FCN-8s, and the architectures of `segmentation-models-pytorch`."""

from __future__ import annotations

from typing import Any

from benchmark.models.baseline import SegmentationBaseline
from benchmark.models.fcn8s import FCN8s

ARGUMENTS: dict[str, dict] = {
    "deeplabv3plus": {
        "encoder_output_stride": 16,
        "decoder_atrous_rates": (6, 12, 18),
        "decoder_aspp_separable": False,
        "decoder_aspp_dropout": 0.1,
    }
}
"""Arguments of architectures that differ from the library's defaults; those for DeepLabv3+ are of output stride
8."""

VGG16 = "vgg16.tv_in1k"


def fcn8s(classes: int, width: float, pretrained: bool) -> SegmentationBaseline:
    """FCN-8s on VGG16; pretrained weights are torchvision's, loaded from the Hub by timm."""
    network = FCN8s(classes, width)
    if pretrained:
        import timm

        if width != 1:
            raise ValueError(f"pretrained weights fit width 1, not {width}: add --weights none")
        network.load_vgg16(timm.create_model(VGG16, pretrained=True).state_dict())
    return SegmentationBaseline(network, summed_loss=True)


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

    weights: Any = (encoder.startswith("tu-") or "imagenet") if pretrained else None
    try:
        network = smp.create_model(
            architecture, encoder, weights, classes=classes, **ARGUMENTS.get(architecture, {})
        )
    except (KeyError, ValueError, NotImplementedError) as error:
        raise ValueError(
            f"{architecture} cannot be built on the encoder {encoder!r}: {_first_line(error)}"
        ) from error
    return SegmentationBaseline(network, multiple=32, backbone=("network.encoder.",))


def _first_line(error: Exception) -> str:
    return str(error.args[0] if error.args else error).splitlines()[0][:200]
