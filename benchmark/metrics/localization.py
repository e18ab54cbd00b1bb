"""Scores probabilities of "edited": pixel F1, IoU and AUC of each image, image AUC, and 95 % intervals.

Pixel scores are means over the images that have edited pixels, as in localization papers (TruFor, Guillaro et al.,
CVPR 2023; IMDL-BenCo, Ma et al., NeurIPS 2024): F1 and IoU at 0.5, and at the best threshold of each image. The
intervals are percentiles of a bootstrap over images (Efron and Tibshirani, 1993, chapter 13).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, field

import numpy as np

from benchmark.metrics.classification import THRESHOLD

RESAMPLES = 1000
"""Bootstrap samples of an interval."""

_LEVELS = 2.5, 97.5


@dataclass(frozen=True)
class PixelScores:
    """The scores of one image.

    Attributes:
        f1, iou: of "edited", with the pixels above 0.5 called edited; 0 where there is none above.
        best_f1, best_iou: the same at the threshold that is best for the image.
        auc: area under the ROC curve, where ties count half; None where every pixel is edited.
    """

    f1: float
    iou: float
    best_f1: float
    best_iou: float
    auc: float | None


def pixel_scores(edited: np.ndarray, probabilities: np.ndarray) -> PixelScores | None:
    """Scores one image; None where no pixel is edited, and nothing is to be found.

    Args:
        edited: (H, W) bool.
        probabilities: (H, W) of "edited", 0 to 1; compared as float32.
    """
    true = int(edited.sum())
    if not true:
        return None
    values, negatives, positives = _counts(edited.ravel(), probabilities.ravel())
    # called edited from each value upwards
    found, wrong = np.cumsum(positives[::-1])[::-1], np.cumsum(negatives[::-1])[::-1]
    f1 = 2 * found / (found + wrong + true)
    above = int(np.searchsorted(values, np.float32(THRESHOLD), side="right"))
    at_half = float(f1[above]) if above < len(f1) else 0.0
    best = float(f1.max())
    return PixelScores(at_half, _iou(at_half), best, _iou(best), _area(negatives, positives))


def _iou(f1: float) -> float:
    return f1 / (2 - f1)


def _counts(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct scores, ascending, with the numbers of negatives and positives of each.

    Sorting one integer of score and truth is several times faster than `numpy.unique` of the scores: the bits of
    floats from 0 on are ordered as the floats are.
    """
    bits = np.ascontiguousarray(scores, np.float32) + np.float32(0)  # no negative zero
    keys = (bits.view(np.uint32).astype(np.uint64) << np.uint64(1)) | positive.astype(np.uint64)
    keys.sort()
    values = keys >> np.uint64(1)
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    positives = np.add.reduceat((keys & np.uint64(1)).astype(np.int64), starts)
    counts = np.diff(np.append(starts, len(values)))
    return values[starts].astype(np.uint32).view(np.float32), counts - positives, positives


def _area(negatives: np.ndarray, positives: np.ndarray) -> float | None:
    """The area under the ROC curve: the share of pairs in which the positive has the higher score."""
    pairs = float(negatives.sum()) * float(positives.sum())
    if not pairs:
        return None
    below = np.cumsum(negatives) - negatives / 2
    return float((positives * below).sum() / pairs)


@dataclass(frozen=True)
class Estimate:
    """A mean, or an area, with its 95 % interval by bootstrap over images.

    Attributes:
        value: over all images.
        low, high: ends of the interval; None with fewer than two images.
        images: how many it is over.
    """

    value: float
    low: float | None
    high: float | None
    images: int


def mean_estimate(values: Iterable[float], seed: int = 0) -> Estimate | None:
    """The mean with its interval; None of no values.

    Args:
        seed: of the bootstrap samples.
    """
    known = np.array(list(values), np.float64)
    if not len(known):
        return None
    return _estimate(float(known.mean()), len(known), seed, lambda drawn: float(known[drawn].mean()))


def image_auc(labels: np.ndarray, scores: np.ndarray, seed: int = 0) -> Estimate | None:
    """The area under the ROC curve of image scores with its interval; None where all labels are equal.

    Bootstrap samples of one label only have no area and are left out.

    Args:
        labels: (N,) 0 for real, 1 for edited.
        scores: (N,) probabilities of "edited"; compared as float32.
        seed: of the bootstrap samples.
    """
    positive = np.asarray(labels).astype(bool)
    whole = _auc(positive, np.asarray(scores))
    if whole is None:
        return None
    return _estimate(whole, len(positive), seed, lambda drawn: _auc(positive[drawn], np.asarray(scores)[drawn]))


def _auc(positive: np.ndarray, scores: np.ndarray) -> float | None:
    _, negatives, positives = _counts(positive, scores)
    return _area(negatives, positives)


def _estimate(value: float, images: int, seed: int, of: Callable[[np.ndarray], float | None]) -> Estimate:
    if images < 2:
        return Estimate(value, None, None, images)
    rng = np.random.default_rng(seed)
    drawn = (of(rng.integers(0, images, images)) for _ in range(RESAMPLES))
    known = [each for each in drawn if each is not None]
    low, high = (float(end) for end in np.percentile(known, _LEVELS))
    return Estimate(value, low, high, images)


@dataclass
class LocalizationMetrics:
    """The pixel scores of a set of images, five numbers an image."""

    _scores: dict[str, PixelScores] = field(default_factory=dict)

    def update(self, id: str, edited: np.ndarray, probabilities: np.ndarray) -> None:
        """Scores an image: see `pixel_scores`."""
        if (scores := pixel_scores(edited, probabilities)) is not None:
            self._scores[id] = scores

    def merge(self, other: LocalizationMetrics) -> None:
        """Adds the images of another instance, for instance of another process."""
        self._scores |= other._scores

    def compute(self, seed: int = 0) -> dict[str, Estimate]:
        """Name of a score to its mean over images: `pixel_f1`, `pixel_iou`, `pixel_best_f1`, `pixel_best_iou` and
        `pixel_auc`, without those that no image has.

        Args:
            seed: of the bootstrap samples.
        """
        # in the order of the ids, so that the intervals do not depend on which process scored what
        rows = [astuple(self._scores[id]) for id in sorted(self._scores)]
        names = ("pixel_f1", "pixel_iou", "pixel_best_f1", "pixel_best_iou", "pixel_auc")
        columns = zip(*rows, strict=True) if rows else ()
        found = {
            name: mean_estimate((value for value in column if value is not None), seed)
            for name, column in zip(names, columns, strict=False)
        }
        return {name: estimate for name, estimate in found.items() if estimate}
