"""Computes accuracy and average precision over a stream of image scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmark.metrics.average_precision import CAPACITY, ScoreCounts
from benchmark.metrics.averages import checked_turns, share_of
from benchmark.metrics.label_maps import is_tensor

THRESHOLD = 0.5
"""An image, or a pixel, counts as edited if its probability is above this."""


@dataclass(frozen=True)
class ClassificationScores:
    """The scores of a classifier. A value is None if there was nothing to average.

    Attributes:
        acc: share of images on the right side of a score of 0.5.
        map: average precision of "edited".
        real_acc, edited_acc: `acc` among the real images, and among the edited ones.
        confusion: (2, 2) rows truth, columns prediction: real, edited.
        images: number of images.
        exact: false if there were so many distinct scores that `map` was computed from rounded ones.
    """

    acc: float | None
    map: float | None
    real_acc: float | None
    edited_acc: float | None
    confusion: np.ndarray
    images: int
    exact: bool


@dataclass
class _ClassCounts:
    confusion: np.ndarray = field(default_factory=lambda: np.zeros((2, 2), np.int64))
    scores: ScoreCounts = field(default_factory=ScoreCounts)

    def compute(self) -> ClassificationScores:
        right, true = self.confusion.diagonal(), self.confusion.sum(axis=1)
        return ClassificationScores(
            acc=share_of(right.sum(), true.sum()),
            map=self.scores.average_precision(),
            real_acc=share_of(right[0], true[0]),
            edited_acc=share_of(right[1], true[1]),
            confusion=self.confusion.copy(),
            images=int(true.sum()),
            exact=self.scores.exact,
        )


class ClassificationMetrics:
    """Accuracy at 0.5 and average precision over a set of images, in bounded memory.

    Args:
        capacity: largest number of distinct scores counted exactly; see `average_precision.ScoreCounts`.
    """

    def __init__(self, capacity: int = CAPACITY):
        self.capacity = capacity
        self._all = self._empty()
        self._turns: dict[int, _ClassCounts] = {}

    def _empty(self) -> _ClassCounts:
        return _ClassCounts(scores=ScoreCounts(self.capacity))

    def update(self, labels, scores, num_edits: Sequence[int] | None = None) -> None:
        """Counts a batch.

        Args:
            labels: (N,) 0 for real, 1 for edited; a sequence, an array or a tensor.
            scores: (N,) probabilities of "edited", 0 to 1.
            num_edits: the images' numbers of edits, 0 to 3, for `by_turns`; none if left out.
        """
        positive, values = _checked_labels(labels), _checked_scores(scores)
        if len(positive) != len(values):
            raise ValueError(f"{len(positive)} labels came with {len(values)} scores")
        self._count(self._all, positive, values)
        if num_edits is not None:
            turns = np.array([checked_turns(turn) for turn in num_edits])
            if len(turns) != len(values):
                raise ValueError(f"{len(values)} scores came with {len(turns)} numbers of edits")
            for turn in np.unique(turns):
                counts = self._turns.setdefault(int(turn), self._empty())
                self._count(counts, positive[turns == turn], values[turns == turn])

    @staticmethod
    def _count(counts: _ClassCounts, positive: np.ndarray, scores: np.ndarray) -> None:
        np.add.at(counts.confusion, (positive.astype(int), (scores > THRESHOLD).astype(int)), 1)
        counts.scores.update(positive, scores)

    def merge(self, other: ClassificationMetrics) -> None:
        """Adds the counts of another instance, for instance of another process."""
        for mine, theirs in [(self._all, other._all)] + [
            (self._turns.setdefault(turn, self._empty()), counts) for turn, counts in other._turns.items()
        ]:
            mine.scores.merge(theirs.scores)
            mine.confusion += theirs.confusion

    def compute(self) -> ClassificationScores:
        """The scores over all images counted so far."""
        return self._all.compute()

    def by_turns(self) -> dict[int, ClassificationScores]:
        """The scores of the images with each number of edits, where that was given."""
        return {turn: self._turns[turn].compute() for turn in sorted(self._turns)}


def _as_array(values) -> np.ndarray:
    return values.detach().cpu().numpy() if is_tensor(values) else np.asarray(values)


def _checked_labels(labels) -> np.ndarray:
    values = _as_array(labels)
    if values.ndim != 1:
        raise ValueError(f"labels are (N,), not {values.shape}")
    if not np.isin(values, (0, 1)).all():
        raise ValueError(f"labels are 0 (real) or 1 (edited), not {values[~np.isin(values, (0, 1))][0]}")
    return values.astype(bool)


def _checked_scores(scores) -> np.ndarray:
    values = _as_array(scores).astype(np.float64)
    if values.ndim != 1:
        raise ValueError(f"scores are (N,), not {values.shape}")
    if outside := [float(value) for value in values if not 0 <= value <= 1]:
        raise ValueError(f"scores are probabilities, 0 to 1, not {outside[0]}: apply a sigmoid to logits")
    return values
