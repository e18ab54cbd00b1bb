"""Computes average precision over a stream of scores, in bounded memory."""

from __future__ import annotations

import numpy as np

CAPACITY = 1 << 20
"""Largest number of distinct scores that are counted exactly: a million, in 24 MB."""


class ScoreCounts:
    """Counts of negatives and positives by score.

    Exact up to `capacity` distinct scores. Beyond that scores are rounded to multiples of 1 / `capacity`, which
    bounds the memory, and `exact` is false.
    """

    def __init__(self, capacity: int = CAPACITY):
        if capacity < 2:
            raise ValueError(f"the capacity is at least 2 different scores, not {capacity}")
        self.capacity = capacity
        self.exact = True
        self._scores = np.empty(0)
        self._counts = np.empty((0, 2), np.int64)

    def update(self, positive: np.ndarray, scores: np.ndarray) -> None:
        """Adds scores.

        Args:
            positive: (N,) bool, whether each is of the positive class.
            scores: (N,) float64, 0 to 1.
        """
        self._add(scores, np.stack([~positive, positive], axis=1).astype(np.int64))

    def merge(self, other: ScoreCounts) -> None:
        """Adds the counts of another instance with the same capacity."""
        if other.capacity != self.capacity:
            raise ValueError(f"these counts have capacity {self.capacity}, the others {other.capacity}")
        self.exact &= other.exact
        self._add(other._scores, other._counts)

    def _add(self, scores: np.ndarray, counts: np.ndarray) -> None:
        self._sum_up(np.concatenate([self._scores, scores]), np.concatenate([self._counts, counts]))
        if len(self._scores) > self.capacity:
            self.exact = False
            self._sum_up(self._scores, self._counts)

    def _sum_up(self, scores: np.ndarray, counts: np.ndarray) -> None:
        if not self.exact:
            steps = self.capacity - 1
            scores = np.round(scores * steps) / steps
        self._scores, where = np.unique(scores, return_inverse=True)
        self._counts = np.zeros((len(self._scores), 2), np.int64)
        np.add.at(self._counts, where, counts)

    def average_precision(self) -> float | None:
        """The sum over descending thresholds of precision times the increase of recall, as in scikit-learn.

        None if there is no positive, where it is undefined.
        """
        positives = self._counts[::-1, 1]
        if not positives.sum():
            return None
        found = np.cumsum(positives)
        called = np.cumsum(self._counts[::-1].sum(axis=1))
        return float(np.sum(found / called * positives) / found[-1])
