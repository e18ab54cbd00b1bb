"""The data type of a detector: a function from images to label maps or scores, with its properties."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.models.registry import Task

Answers = Sequence[Any]
Detect = Callable[[list[np.ndarray], list[str]], Answers]
LossOf = Callable[[Any, "np.ndarray | int"], Any]


@dataclass(frozen=True)
class Cost:
    """What a network costs.

    Attributes:
        parameters: how many it has.
        flops: floating-point operations for one image, a multiplication and an addition being two.
        side: of that image, in pixels.
    """

    parameters: int
    flops: int
    side: int


@dataclass(frozen=True)
class Detector:
    """A detector to evaluate.

    Attributes:
        name: its name in result files and tables.
        detect: maps images and their rows' ids to label maps or scores.
        task: its task; None if unknown.
        size: side in pixels of its input images; None for the dataset's own size.
        loss: maps an image, (1, 3, H, W) from 0 to 1, and its truth to a loss with a gradient, for a white-box
            attack; None if the detector has no gradient.
        device: the device of `loss`'s tensor.
        architecture: architecture of a trained detector, by which tables identify it.
        trained_on: the config that it was trained on; None if unknown.
        training_seed: of the training; None if unknown.
        cost: measures what the network costs; None for other detectors.
        for_condition: for saved predictions, which do not depend on the images passed in: returns the detector for
            a condition's name; raises FileNotFoundError if there are no predictions for it.
    """

    name: str
    detect: Detect
    task: Task | None = None
    size: int | None = None
    loss: LossOf | None = None
    device: str = "cpu"
    architecture: str | None = None
    trained_on: str | None = None
    training_seed: int | None = None
    cost: Callable[[], Cost] | None = None
    for_condition: Callable[[str], Detector] | None = None

    def under(self, condition: str) -> Detector:
        """The detector for a condition: itself, or that of `for_condition`."""
        return self.for_condition(condition) if self.for_condition else self
