"""Counts the confusion matrix of label maps."""

from __future__ import annotations

import numpy as np
from PIL import Image

from benchmark.metrics.label_maps import LabelMap, checked_pair, is_tensor
from diffseg30k import IGNORE

_ONE_BYTE = 15
"""Up to this many classes a pair of labels fits into one byte, with 255 left for ignored pixels."""


def confusion_matrix(truth: LabelMap, prediction: LabelMap, classes: int) -> np.ndarray:
    """Counts pixels by true class and predicted class; ignored pixels are not counted.

    Args:
        truth: (H, W) or (N, H, W), integers 0 to `classes` - 1 or 255 for ignore; an array, or a tensor anywhere.
        prediction: of the same shape, integers 0 to `classes` - 1.
        classes: number of classes, background included.

    Returns:
        (classes, classes) int64: row the truth, column the prediction.

    Raises:
        TypeError, ValueError: as `label_maps.checked_pair`.
    """
    truth, prediction = checked_pair(truth, prediction, classes)
    if is_tensor(truth):
        return _count_tensors(truth, prediction, classes)
    if classes <= _ONE_BYTE:
        return _count_bytes(truth, prediction, classes)
    counted = truth != IGNORE
    pairs = truth[counted].astype(np.int64) * classes + prediction[counted]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def _count_tensors(truth, prediction, classes: int) -> np.ndarray:
    import torch

    counted = truth != IGNORE
    pairs = truth[counted].to(torch.int64) * classes + prediction[counted]
    return torch.bincount(pairs, minlength=classes**2).cpu().numpy().reshape(classes, classes)


def _count_bytes(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    truth = truth.astype(np.uint8, copy=False)
    pairs = truth * np.uint8(classes) + prediction.astype(np.uint8, copy=False)
    if truth.max() == IGNORE:
        pairs[truth == IGNORE] = IGNORE
    return _histogram(pairs.ravel())[: classes**2].reshape(classes, classes)


def _histogram(values: np.ndarray) -> np.ndarray:
    """The number of occurrences of each byte value, (256,).

    Label maps consist of runs of equal values, and adding run lengths is faster than counting pixels. With too
    many runs Pillow's histogram is used: `numpy.bincount` would first convert bytes to 64-bit integers.
    """
    changes = values[1:] != values[:-1]
    if np.count_nonzero(changes) > values.size // 16:
        return np.array(Image.fromarray(values.reshape(1, -1)).histogram(), np.int64)
    ends = np.append(np.flatnonzero(changes), values.size - 1)
    return np.bincount(values[ends], np.diff(ends, prepend=-1), minlength=256).astype(np.int64)
