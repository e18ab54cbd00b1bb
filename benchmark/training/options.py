"""What a training is told, and what it reports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from benchmark.data.dataset import task_of
from benchmark.models.recipes import Recipe, recipe_for, size_for
from benchmark.models.registry import ModelSpec, default_encoder
from diffseg30k import DEFAULT_CONFIG


@dataclass(frozen=True)
class TrainOptions:
    """What to train, on what. None stands for the default of the architecture's recipe.

    Attributes:
        out: the folder of the training; the trained detector lies in it at the end.
        dataset: a packed folder, a URL of one, or a dataset's name on the Hub.
        config: the config to train on; its name says the task.
        architecture: `fcn8s`, `deeplabv3plus`, `segformer`, `mask2former`, `cnnspot`, `universalfakedet`, or
            any architecture of `segmentation-models-pytorch` in lower case.
        encoder: its encoder.
        weights: `imagenet`: the encoder starts from pretrained weights from the Hub; `none`: from random ones.
        size: the side of the training images in pixels: 512, and 224 for the two classifiers.
        steps, batch_size, learning_rate: the recipe's; the batch is that of all processes together.
        augment_probability: of CNNSpot's blur and JPEG: 0.5, or 0.1.
        scale: random scaling of segmentation images, as a range of factors.
        validate_every: steps between validations.
        width: of `fcn8s`.
        streaming: read the rows as they are needed, without a copy on the disk.
        workers: subprocesses that decode images.
        seed: where all chance comes from.
        mixed_precision: `auto` is bf16 on a GPU that has it, fp16 on others, `no` on a CPU.
        device: `auto` is the GPU where there is one.
        checkpoint_every: steps between two checkpoints.
        log_every: steps between two lines of the log.
        resume: go on from the newest checkpoint in `out`, if there is one.
        stop_after: stop once this many steps are done, with a checkpoint to resume from.
        progress: show a progress bar.
    """

    out: str
    dataset: str = "diffseg30k"
    config: str = DEFAULT_CONFIG
    architecture: str = "deeplabv3plus"
    encoder: str | None = None
    weights: Literal["imagenet", "none"] = "imagenet"
    size: int | None = None
    steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    augment_probability: float | None = None
    scale: tuple[float, float] | None = None
    validate_every: int | None = None
    width: float = 1.0
    streaming: bool = False
    workers: int = 4
    seed: int = 0
    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_every: int = 1000
    log_every: int = 10
    resume: bool = False
    stop_after: int | None = None
    progress: bool = True

    def recipe(self) -> Recipe:
        """The architecture's recipe with what is set here."""
        names = ("steps", "batch_size", "learning_rate", "augment_probability", "scale", "validate_every")
        chosen = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        recipe = replace(recipe_for(self.architecture), **chosen)
        for name in ("steps", "batch_size"):
            if getattr(recipe, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(recipe, name)}")
        return recipe

    def model(self) -> ModelSpec:
        return ModelSpec(
            architecture=self.architecture,
            encoder=self.encoder or default_encoder(self.architecture),
            task=task_of(self.config),
            size=self.size or size_for(self.architecture),
            width=self.width,
        )


@dataclass(frozen=True)
class TrainReport:
    """What a training came to.

    Attributes:
        detector: the folder of the detector, None where the training stopped early.
        step: updates done, over all sessions.
        loss: the mean over the last log interval, None where nothing was trained.
        images_per_second: in this session.
        data_share: the part of this session's training time spent waiting for images, 0 to 1.
    """

    detector: str | None
    step: int
    loss: float | None
    images_per_second: float
    data_share: float

    def lines(self) -> list[str]:
        """The report for people."""
        loss = "" if self.loss is None else f", loss {self.loss:.4f}"
        return [f"{self.step} steps{loss}; detector: {self.detector}"]
