"""The training recipe of each baseline, from the implementation that the paper names or from the baseline's
authors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Preparation = Literal["segmentation", "forensic"]


@dataclass(frozen=True)
class Recipe:
    """The hyper-parameters of one training.

    Attributes:
        steps: number of updates; with the schedule `plateau` the largest number.
        batch_size: images per update, over all processes together.
        optimizer: name of torch's optimizer.
        learning_rate: learning rate, multiplied by the following factors.
        backbone_factor: factor for the backbone's parameters.
        head_factor: factor for all other parameters.
        bias_factor: further factor for biases.
        momentum: momentum of SGD.
        weight_decay: L2 penalty for SGD and Adam, decoupled for AdamW.
        decay_exempt: parameters without weight decay.
        schedule: `constant`; `poly`: (1 - step / steps) ** `power`, each parameter's rate at least `least_rate`;
            `plateau`: divided by ten when the validation has not improved for `patience` rounds, and training ends
            when the rate falls below `least_rate`.
        warmup: number of first steps in which the rate rises linearly from a millionth of its value.
        clip_norm: largest norm of the gradient; 0 for no clipping.
        preparation: `segmentation`: resized to size x size, mirrored at random; `forensic`: CNNSpot's.
        scale: `segmentation`: images of size x size are scaled by a factor drawn from this range before a random
            crop.
        augment_probability: `forensic`: probability of blur, and of JPEG compression.
        batch_norm_momentum: momentum of batch normalisation in a pretrained backbone; None for torch's default.
            Backbones with random weights always have the default: at 0.01 the statistics would need hundreds of
                steps.
        validate_every: steps between two validations; 0 means one per epoch under `plateau`, else none.
        validation_share: share of the train split that is kept for validation where there is one, 0 to 1.
        detector: which weights become the detector: those of the `last` step, or of the `best` validation, by mIoU
            or by accuracy, where there is one.
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
    least_rate: float = 0.0
    preparation: Preparation = "segmentation"
    scale: tuple[float, float] = (1.0, 1.0)
    augment_probability: float = 0.5
    batch_norm_momentum: float | None = None
    validate_every: int = 0
    validation_share: float = 0.05
    detector: Literal["best", "last"] = "last"


_DEEPLAB = Recipe(
    steps=30_000,
    batch_size=16,
    optimizer="sgd",
    learning_rate=0.01,
    backbone_factor=0.1,
    weight_decay=1e-4,
    least_rate=1e-6,
    scale=(0.5, 2.0),
    batch_norm_momentum=0.01,
    detector="best",
)

RECIPES: dict[str, Recipe] = {
    # wkentaro/pytorch-fcn, train_fcn8s_atonce.py: the loss is summed over the pixels, hence the tiny rate. Its
    # trainer keeps the best mean IoU.
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
        detector="best",
    ),
    # VainF/DeepLabV3Plus-Pytorch, main.py, which keeps the best mean IoU on the validation set.
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
        scale=(0.5, 2.0),
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
        scale=(0.5, 2.0),
    ),
    # PeterWang512/CNNDetection, train.py and earlystop.py.
    "cnnspot": Recipe(
        steps=1_000_000,
        batch_size=64,
        optimizer="adam",
        learning_rate=1e-4,
        schedule="plateau",
        least_rate=1e-6,
        preparation="forensic",
        detector="best",
    ),
    # WisconsinAIVision/UniversalFakeDetect, train.py: its `adam` is torch's AdamW without decay.
    "universalfakedet": Recipe(
        steps=1_000_000,
        batch_size=256,
        optimizer="adamw",
        learning_rate=1e-4,
        schedule="plateau",
        least_rate=1e-6,
        preparation="forensic",
        detector="best",
    ),
}

SIZES = {"cnnspot": 224, "universalfakedet": 224}
SEGMENTATION_SIZE = 512
"""Side of the paper's training images, in pixels."""


def recipe_for(architecture: str) -> Recipe:
    """The recipe of an architecture; that of DeepLabv3+ for an architecture without one."""
    return RECIPES.get(architecture, _DEEPLAB)


def size_for(architecture: str) -> int:
    """The side of an architecture's training images, in pixels."""
    return SIZES.get(architecture, SEGMENTATION_SIZE)
