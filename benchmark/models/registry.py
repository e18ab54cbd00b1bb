"""Builds baselines by the names of architecture and encoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from benchmark.models.baseline import Baseline

Task = Literal["binary", "semantic", "classification"]
TASKS: tuple[Task, ...] = ("binary", "semantic", "classification")
CLASSES: dict[Task, int] = {"binary": 2, "semantic": 9, "classification": 2}

ENCODERS: dict[str, str] = {
    "fcn8s": "vgg16",
    "deeplabv3plus": "resnet50",
    "segformer": "mit_b2",
    "mask2former": "swin-tiny",
    "cnnspot": "resnet50.tv_in1k",
    "universalfakedet": "openai/clip-vit-large-patch14",
}
"""The named baselines with their default encoders."""

CLASSIFIERS = ("cnnspot", "universalfakedet")
DEFAULT_ENCODER = "resnet50"
"""Default encoder of the other architectures, those of `segmentation-models-pytorch`."""


@dataclass(frozen=True)
class ModelSpec:
    """The specification of a model, sufficient to build it.

    Attributes:
        architecture: a name of ENCODERS, or an architecture of `segmentation-models-pytorch` in lower case.
        encoder: its encoder; see `default_encoder`.
        task: its task.
        size: side of its training images in pixels; for a classifier the side of the crop.
        width: for `fcn8s` the factor on its channels.
    """

    architecture: str
    encoder: str
    task: Task
    size: int
    width: float = 1.0

    @property
    def classes(self) -> int:
        return CLASSES[self.task]


def architectures() -> tuple[str, ...]:
    """The names of all architectures."""
    from benchmark.models.segmentation import library_architectures

    return (*ENCODERS, *(name for name in library_architectures() if name not in ENCODERS))


def default_encoder(architecture: str) -> str:
    return ENCODERS.get(architecture, DEFAULT_ENCODER)


def build(spec: ModelSpec, pretrained: bool) -> Baseline:
    """Builds a baseline; its encoder has pretrained weights from the Hub, or random ones.

    Raises:
        ValueError: there is no such architecture or encoder, or it is not for the task.
        ImportError: `segmentation-models-pytorch` or `torch` is not installed.
        OSError: the pretrained weights are not on this machine and cannot be fetched.
    """
    _check(spec)
    try:
        return _made(spec, pretrained)
    except OSError as error:
        if not pretrained:
            raise
        raise OSError(
            f"the pretrained weights of {spec.encoder} are not on this machine and cannot be fetched from the "
            "Hub; --weights none trains from random ones and needs no network"
        ) from error


def _made(spec: ModelSpec, pretrained: bool) -> Baseline:
    if spec.architecture in CLASSIFIERS:
        from benchmark.models import classification

        make = classification.cnnspot if spec.architecture == "cnnspot" else classification.universalfakedet
        return make(spec.encoder, spec.size, pretrained)
    from benchmark.models import segmentation

    if spec.architecture == "fcn8s":
        return segmentation.fcn8s(spec.classes, spec.width, pretrained)
    if spec.architecture == "deeplabv3plus":
        return segmentation.deeplabv3plus(spec.encoder, spec.classes, pretrained)
    if spec.architecture == "mask2former":
        from benchmark.models.mask2former import Mask2Former

        return Mask2Former(spec.encoder, spec.classes, pretrained)
    return segmentation.library_model(spec.architecture, spec.encoder, spec.classes, pretrained)


def _check(spec: ModelSpec) -> None:
    if spec.architecture not in architectures():
        raise ValueError(f"{spec.architecture!r} is no architecture; there are {', '.join(architectures())}")
    if (spec.architecture in CLASSIFIERS) != (spec.task == "classification"):
        kind = "classifies whole images" if spec.architecture in CLASSIFIERS else "segments"
        raise ValueError(f"{spec.architecture} {kind}; it cannot be trained on the task {spec.task!r}")
    if spec.size < 1:
        raise ValueError(f"the size is a side in pixels, at least 1, not {spec.size}")
