"""What a detector is: a function from pictures to label maps or scores, and what is known of it."""

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
class Detector:
    """What is evaluated.

    Attributes:
        name: in result files and tables.
        detect: pictures and their rows' ids to label maps or scores.
        task: what it was made for, None where it does not tell.
        size: the side of the pictures it wants, None for the dataset's own.
        loss: (1, 3, H, W) tensor of an image from 0 to 1 and its truth to a loss with a gradient, for a white-box
            attack; None where the detector has no gradient.
        device: where `loss` wants its tensor.
        architecture: of a trained detector, by which the tables know it.
        trained_on: the config that it was trained on, None where it does not tell.
        for_condition: the detector under a condition, by its name, where what it answers comes from elsewhere and
            so does not follow from the images; raises FileNotFoundError where it has no answers for it.
    """

    name: str
    detect: Detect
    task: Task | None = None
    size: int | None = None
    loss: LossOf | None = None
    device: str = "cpu"
    architecture: str | None = None
    trained_on: str | None = None
    for_condition: Callable[[str], Detector] | None = None

    def under(self, condition: str) -> Detector:
        """The detector as it answers under a condition."""
        return self.for_condition(condition) if self.for_condition else self
