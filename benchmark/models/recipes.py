"""How each baseline is trained: the defaults of the implementations that the paper names, or of its authors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of one training.

    Attributes:
        steps: how many updates; with the schedule `plateau`, the most there may be.
        batch_size: images per update, over all processes together.
        optimizer: which of torch's.
        learning_rate: the rate; the factors below multiply it.
        backbone_factor: for the backbone's parameters.
        head_factor: for all others.
        bias_factor: for biases, on top.
        momentum: of SGD.
        weight_decay: L2 penalty for SGD and Adam, decoupled for AdamW.
        decay_exempt: which parameters have no weight decay.
        schedule: `constant`; `poly`: (1 - step / steps) ** `power`; `plateau`: a tenth whenever the validation
            has not gained for `patience` rounds, and the end where the rate falls below `least_rate`.
        warmup: so many first steps have a rate that rises linearly from a millionth.
        clip_norm: the gradient's norm is cut to this; 0 for never.
        preparation: `segmentation`: resized to size x size, mirrored at random; `forensic`: CNNSpot's.
        scale: `segmentation`: images are scaled by a factor drawn from this range before a random crop.
        augment_probability: `forensic`: that of the blur, and that of the JPEG compression.
        batch_norm_momentum: of a pretrained backbone's batch normalisation; None for torch's own. One with random
            weights always has torch's: at 0.01 it would take hundreds of steps to learn its statistics.
        validate_every: steps between two validations; 0 for one per epoch under `plateau`, else for never.
        validation_share: the part of the train split that is kept for validation under `plateau`.
    """

    steps: int
    batch_size: int
    optimizer: Literal["sgd", "adam", "adamw"]
    learning_rate: float
    backbone_factor: float = 1.0
    head_factor: float = 1.0
    bias_factor: float = 1.0
    momentum: float = 0.9
    weight_decay: float = 0.0
    decay_exempt: Literal["none", "bias", "bias and norm"] = "none"
    schedule: Literal["constant", "poly", "plateau"] = "poly"
    power: float = 0.9
    warmup: int = 0
    clip_norm: float = 0.0
    patience: int = 5
    least_rate: float = 1e-6
    preparation: Literal["segmentation", "forensic"] = "segmentation"
    scale: tuple[float, float] = (1.0, 1.0)
    augment_probability: float = 0.5
    batch_norm_momentum: float | None = None
    validate_every: int = 0
    validation_share: float = 0.0


_DEEPLAB = Recipe(
    steps=30_000,
    batch_size=16,
    optimizer="sgd",
    learning_rate=0.01,
    backbone_factor=0.1,
    weight_decay=1e-4,
    batch_norm_momentum=0.01,
)

RECIPES: dict[str, Recipe] = {
    # wkentaro/pytorch-fcn, train_fcn8s_atonce.py: the loss is summed over the pixels, hence the tiny rate.
    "fcn8s": Recipe(
        steps=100_000,
        batch_size=1,
        optimizer="sgd",
        learning_rate=1e-10,
        bias_factor=2.0,
        momentum=0.99,
        weight_decay=5e-4,
        decay_exempt="bias",
        schedule="constant",
    ),
    # VainF/DeepLabV3Plus-Pytorch, main.py.
    "deeplabv3plus": _DEEPLAB,
    # NVlabs/SegFormer, segformer.b2.512x512.ade.160k.py.
    "segformer": Recipe(
        steps=160_000,
        batch_size=16,
        optimizer="adamw",
        learning_rate=6e-5,
        head_factor=10.0,
        weight_decay=0.01,
        decay_exempt="bias and norm",
        power=1.0,
        warmup=1500,
    ),
    # facebookresearch/Mask2Former, configs/ade20k/semantic-segmentation.
    "mask2former": Recipe(
        steps=160_000,
        batch_size=16,
        optimizer="adamw",
        learning_rate=1e-4,
        backbone_factor=0.1,
        weight_decay=0.05,
        decay_exempt="bias and norm",
        clip_norm=0.01,
    ),
    # PeterWang512/CNNDetection, train.py and earlystop.py.
    "cnnspot": Recipe(
        steps=1_000_000,
        batch_size=64,
        optimizer="adam",
        learning_rate=1e-4,
        schedule="plateau",
        preparation="forensic",
        validation_share=0.05,
    ),
    # WisconsinAIVision/UniversalFakeDetect, train.py: its `adam` is torch's AdamW without decay.
    "universalfakedet": Recipe(
        steps=1_000_000,
        batch_size=256,
        optimizer="adamw",
        learning_rate=1e-4,
        schedule="plateau",
        preparation="forensic",
        validation_share=0.05,
    ),
}

SIZES = {"cnnspot": 224, "universalfakedet": 224}
SEGMENTATION_SIZE = 512
"""The side that the paper trains at."""


def recipe_for(architecture: str) -> Recipe:
    """The recipe of an architecture; one without a recipe of its own is trained as DeepLabv3+ is."""
    return RECIPES.get(architecture, _DEEPLAB)


def size_for(architecture: str) -> int:
    """The side in pixels that an architecture is trained at."""
    return SIZES.get(architecture, SEGMENTATION_SIZE)
