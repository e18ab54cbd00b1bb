"""Gathers the probabilities of an evaluation: what is scored with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmark.data.dataset import Sample
from benchmark.evaluation.answers import Answer
from benchmark.metrics.label_maps import resize_labels
from benchmark.metrics.localization import Estimate, LocalizationMetrics, image_auc
from diffseg30k import BACKGROUND


@dataclass
class Located:
    """The pixel scores of a detector that gives probabilities, or the image scores of a classifier."""

    pixels: LocalizationMetrics = field(default_factory=LocalizationMetrics)
    images: dict[str, tuple[int, float]] = field(default_factory=dict)

    def add(self, samples: Sequence[Sample], answers: Sequence[Any]) -> None:
        """Counts a batch.

        Args:
            answers: an `Answer`, or a score of 0 to 1, of each sample.
        """
        for sample, answer in zip(samples, answers, strict=True):
            if not isinstance(answer, Answer):
                self.images[sample.id] = int(sample.truth), answer
            elif answer.edited is not None:
                truth = np.asarray(sample.truth)
                self.pixels.update(sample.id, truth > BACKGROUND, resize_labels(answer.edited, truth.shape))

    def merge(self, other: Located) -> None:
        """Adds the images of another process."""
        self.pixels.merge(other.pixels)
        self.images |= other.images

    def compute(self) -> dict[str, Estimate]:
        """Name of a score to its value with a 95 % interval; empty where the detector gives labels only."""
        found = self.pixels.compute()
        if self.images:
            labels, scores = zip(*(self.images[id] for id in sorted(self.images)), strict=True)
            if area := image_auc(np.array(labels), np.array(scores)):
                found["image_auc"] = area
        return found
