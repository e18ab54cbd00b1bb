"""The options of a training, and its report."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Literal

from benchmark.data.dataset import task_of
from benchmark.models.recipes import Recipe, recipe_for, size_for
from benchmark.models.registry import ModelSpec, default_encoder
from diffseg30k import DEFAULT_CONFIG

MOST_WORKERS = 16
"""Decoding subprocesses of one process that are started at most unless told otherwise."""

WAITING = 0.2
"""Share of the time spent waiting for images from which on the report says so."""


@dataclass(frozen=True)
class TrainOptions:
    """The options of a training. None stands for the default in the architecture's recipe.

    Attributes:
        out: output folder of the training and, at its end, of the trained detector.
        dataset: a packed folder, a URL of one, or a dataset's name on the Hub.
        config: the config to train on, which determines the task.
        architecture: `fcn8s`, `deeplabv3plus`, `segformer`, `mask2former`, `cnnspot`, `universalfakedet`, or
            any architecture of `segmentation-models-pytorch` in lower case.
        encoder: its encoder.
        weights: `imagenet`: the encoder starts from pretrained weights from the Hub; `none`: from random ones.
        size: side of the training images in pixels; the default is 512, and 224 for the two classifiers.
        steps, batch_size, learning_rate: override the recipe's; the batch is that of all processes together.
        augment_probability: probability of CNNSpot's blur, and of its JPEG compression: 0.5 or 0.1.
        scale: range of the random scaling factor of segmentation images.
        validate_every: steps between validations on rows kept from the train split; None for the recipe's, which
            for most is never.
        validation_share: share of the train split that is kept for validation, 0 to 1.
        width: factor on the channels of `fcn8s`.
        streaming: whether rows are read on demand, without a copy on disk.
        cache: folder that keeps the rows at training size, so that only the first epoch decodes and resizes large
            images; None for none. With `streaming` the stream is read once.
        workers: number of subprocesses that decode images; None for one a processor core, shared among the
            processes of a machine, and 16 at most.
        seed: seed of all random choices.
        mixed_precision: `auto` is bf16 on a GPU that supports it, fp16 on other GPUs, `no` on a CPU.
        device: `cpu`, `cuda`, or `auto` for a GPU if there is one.
        checkpoint_every: steps between two checkpoints.
        log_every: steps between two lines of the log.
        resume: whether to continue from the newest checkpoint in `out`, if there is one.
        stop_after: stop with a checkpoint after this many steps; None for all.
        progress: whether a progress bar is shown.
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
    validation_share: float | None = None
    width: float = 1.0
    streaming: bool = False
    cache: str | None = None
    workers: int | None = None
    seed: int = 0
    mixed_precision: Literal["auto", "no", "fp16", "bf16"] = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_every: int = 1000
    log_every: int = 10
    resume: bool = False
    stop_after: int | None = None
    progress: bool = True

    def recipe(self) -> Recipe:
        """The architecture's recipe with the values set here."""
        names = (
            "steps", "batch_size", "learning_rate", "augment_probability", "scale", "validate_every",
            "validation_share",
        )  # fmt: skip
        chosen = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        recipe = replace(recipe_for(self.architecture), **chosen)
        if not 0 < recipe.validation_share < 1:
            raise ValueError(f"validation_share lies between 0 and 1, and is not {recipe.validation_share:g}")
        for name in ("steps", "batch_size"):
            if getattr(recipe, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(recipe, name)}")
        return recipe

    def decoding_workers(self) -> int:
        """The number of decoding subprocesses of each process."""
        if self.workers is not None:
            return self.workers
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        processes = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # set by `accelerate launch` and `torchrun`
        return min(max(1, cores // processes), MOST_WORKERS)

    def model(self) -> ModelSpec:
        return ModelSpec(
            architecture=self.architecture,
            encoder=self.encoder or default_encoder(self.architecture),
            task=task_of(self.config),
            size=self.size or size_for(self.architecture),
            width=self.width,
        )


@dataclass(frozen=True)
class Best:
    """The best validation of a training.

    Attributes:
        measure: `mIoU` or `accuracy`.
        score: 0 to 1.
        step: number of updates before it.
    """

    measure: str
    score: float
    step: int

    def __str__(self) -> str:
        return f"best {self.measure} {self.score:.4f} at step {self.step}"


@dataclass(frozen=True)
class TrainReport:
    """The result of a training.

    Attributes:
        detector: folder of the detector; None if the training stopped early.
        step: number of updates in all sessions.
        loss: mean loss of the last log interval; None if nothing was trained.
        images_per_second: images per second in this session.
        data_share: share of this session's time spent waiting for images, 0 to 1.
        best: the best validation; None where there was none.
    """

    detector: str | None
    step: int
    loss: float | None
    images_per_second: float
    data_share: float
    best: Best | None = None

    def lines(self) -> list[str]:
        """The report for people."""
        loss = "" if self.loss is None else f", loss {self.loss:.4f}"
        best = f", {self.best}" if self.best else ""
        waited = (
            f"{self.data_share:.0%} of the time was spent waiting for images: "
            "--cache FOLDER, or more --workers, up to the processor's cores, would make it faster"
        )
        return [
            f"{self.step} steps{loss}{best}; detector: {self.detector}",
            *([waited] if self.data_share > WAITING else []),
        ]
