"""Computes Acc, mIoU and boundary F1 over a stream of label maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.averages import checked_turns, mean_of, share_of
from benchmark.metrics.boundary import TOLERANCE, boundary_f1
from benchmark.metrics.confusion import confusion_matrix
from benchmark.metrics.label_maps import LabelMap, resize_labels
from diffseg30k import BACKGROUND


@dataclass(frozen=True)
class SegmentationScores:
    """The scores of a segmentation detector. A value is None if there was nothing to average.

    Attributes:
        acc: share of truly edited pixels with the right predicted class, over the whole set.
        miou: mean IoU of the classes in the truth, without background.
        bf1: mean boundary F1 over images and the classes in either map, without background.
        pixel_accuracy: share of all pixels, background included, with the right predicted class.
        unedited_called_edited: share of the pixels of unedited images that are predicted as edited.
        class_acc, class_iou, class_bf1: the same by class 0 to C - 1; None for a class that is in neither the
            truth nor the prediction (`class_acc`: not in the truth). Background has no boundary F1.
        confusion: (C, C) rows truth, columns prediction, in pixels.
        images, unedited_images: number of images, and of those without an edited pixel.
    """

    acc: float | None
    miou: float | None
    bf1: float | None
    pixel_accuracy: float | None
    unedited_called_edited: float | None
    class_acc: tuple[float | None, ...]
    class_iou: tuple[float | None, ...]
    class_bf1: tuple[float | None, ...]
    confusion: np.ndarray
    images: int
    unedited_images: int


@dataclass
class _Counts:
    confusion: np.ndarray
    bf1_sum: np.ndarray
    bf1_count: np.ndarray
    images: int = 0
    unedited_images: int = 0
    unedited_pixels: int = 0
    called_edited: int = 0

    @classmethod
    def empty(cls, classes: int) -> _Counts:
        return cls(np.zeros((classes, classes), np.int64), np.zeros(classes), np.zeros(classes, np.int64))

    def add(self, other: _Counts) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


class SegmentationMetrics:
    """Acc, mIoU and bF1 over a set of images, in constant memory.

    Args:
        classes: number of classes, background included: 2 or 9.
        tolerance: tolerance of boundary F1, as a share of the image's diagonal.
    """

    def __init__(self, classes: int, tolerance: float = TOLERANCE):
        if not 2 <= classes <= 255:
            raise ValueError(f"there are 2 to 255 classes, background included, not {classes}")
        self.classes = classes
        self.tolerance = tolerance
        self._all = _Counts.empty(classes)
        self._turns: dict[int, _Counts] = {}

    def update(
        self,
        truths: Sequence[LabelMap] | LabelMap,
        predictions: Sequence[LabelMap] | LabelMap,
        num_edits: Sequence[int] | None = None,
    ) -> None:
        """Counts a batch.

        Args:
            truths: label maps (H, W), each of its own size, or one (N, H, W); integers 0 to `classes` - 1, or
                255 for ignore; arrays, or tensors on any device.
            predictions: the same number; a prediction of another size is resized to its truth's (nearest
                neighbour).
            num_edits: the images' numbers of edits, 0 to 3, for `by_turns`; none if left out.

        Raises:
            TypeError, ValueError: a count, shape, dtype or value that does not fit; nothing is counted then.
        """
        if len(truths) != len(predictions):
            raise ValueError(f"{len(truths)} truths came with {len(predictions)} predictions")
        if num_edits is not None and len(num_edits) != len(truths):
            raise ValueError(f"{len(truths)} truths came with {len(num_edits)} numbers of edits")
        turns = [None] * len(truths) if num_edits is None else [checked_turns(turn) for turn in num_edits]
        pairs = zip(truths, predictions, strict=True)
        counted = [self._count(truth, prediction) for truth, prediction in pairs]
        for turn, counts in zip(turns, counted, strict=True):
            self._all.add(counts)
            if turn is not None:
                self._turns.setdefault(turn, _Counts.empty(self.classes)).add(counts)

    def _count(self, truth: LabelMap, prediction: LabelMap) -> _Counts:
        prediction = resize_labels(prediction, tuple(truth.shape))
        counts = _Counts.empty(self.classes)
        counts.confusion = confusion_matrix(truth, prediction, self.classes)
        scores = boundary_f1(truth, prediction, self.classes, self.tolerance)
        for label, f1 in scores.f1.items():
            counts.bf1_sum[label] = f1
            counts.bf1_count[label] = 1
        counts.images = 1
        if not counts.confusion[BACKGROUND + 1 :].any():
            counts.unedited_images = 1
            counts.unedited_pixels = int(counts.confusion.sum())
            counts.called_edited = int(counts.confusion[BACKGROUND, BACKGROUND + 1 :].sum())
        return counts

    def merge(self, other: SegmentationMetrics) -> None:
        """Adds the counts of another instance, for instance of another process."""
        if (other.classes, other.tolerance) != (self.classes, self.tolerance):
            raise ValueError(
                f"these metrics have {self.classes} classes and tolerance {self.tolerance}, "
                f"the others {other.classes} and {other.tolerance}"
            )
        self._all.add(other._all)
        for turn, counts in other._turns.items():
            self._turns.setdefault(turn, _Counts.empty(self.classes)).add(counts)

    def compute(self) -> SegmentationScores:
        """The scores over all images counted so far."""
        return _scores(self._all)

    def by_turns(self) -> dict[int, SegmentationScores]:
        """The scores of the images with each number of edits, where that was given."""
        return {turn: _scores(self._turns[turn]) for turn in sorted(self._turns)}


def class_iou(confusion: np.ndarray) -> tuple[float | None, ...]:
    """IoU of each class, background included; None for one that is in neither the truth nor the prediction.

    Args:
        confusion: (C, C) pixels: row the truth, column the prediction.
    """
    right, true, called = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return tuple(share_of(part, whole) for part, whole in zip(right, true + called - right, strict=True))


def mean_iou(confusion: np.ndarray) -> float | None:
    """The mean IoU of the classes in the truth, without background; None where it has none of them.

    Args:
        confusion: (C, C) pixels: row the truth, column the prediction.
    """
    true = confusion.sum(axis=1)
    pairs = list(zip(class_iou(confusion), true, strict=True))[BACKGROUND + 1 :]
    return mean_of([value for value, pixels in pairs if pixels and value is not None])


def _scores(counts: _Counts) -> SegmentationScores:
    confusion = counts.confusion
    right, true = confusion.diagonal(), confusion.sum(axis=1)
    edited = slice(BACKGROUND + 1, None)
    return SegmentationScores(
        acc=share_of(right[edited].sum(), true[edited].sum()),
        miou=mean_iou(confusion),
        bf1=share_of(counts.bf1_sum.sum(), counts.bf1_count.sum()),
        pixel_accuracy=share_of(right.sum(), confusion.sum()),
        unedited_called_edited=share_of(counts.called_edited, counts.unedited_pixels),
        class_acc=tuple(share_of(part, whole) for part, whole in zip(right, true, strict=True)),
        class_iou=class_iou(confusion),
        class_bf1=tuple(share_of(*pair) for pair in zip(counts.bf1_sum, counts.bf1_count, strict=True)),
        confusion=confusion.copy(),
        images=counts.images,
        unedited_images=counts.unedited_images,
    )
