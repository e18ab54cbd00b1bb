"""Boundary F1 (Csurka, Larlus and Perronnin, "What is a good evaluation measure for semantic segmentation?",
BMVC 2013), computed for all classes of a label map at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.label_maps import LabelMap, checked_pair, is_tensor
from diffseg30k import BACKGROUND, IGNORE

TOLERANCE = 0.0075
"""Largest distance between matching boundary pixels, as a share of the image's diagonal."""

_BITS = 8


@dataclass(frozen=True)
class BoundaryScore:
    """Boundary F1 of one image.

    Attributes:
        f1: F1 by class, 0 to 1, for each class except background that is in the truth or in the prediction.
    """

    f1: dict[int, float]


def boundary_f1(
    truth: LabelMap, prediction: LabelMap, classes: int, tolerance: float = TOLERANCE
) -> BoundaryScore:
    """Computes boundary F1 of one image, per class.

    A pixel is on its class's boundary if one of its four neighbours has another class, is ignored, or is outside
    the image. A predicted boundary pixel matches if a true boundary pixel of its class is within the tolerance, by
    the Euclidean distance of their centres; likewise for true ones. A class in only one of the two maps scores 0.
    Ignored pixels belong to no class in either map.

    Args:
        truth: (H, W), integers 0 to `classes` - 1 or 255 for ignore; an array, or a tensor on any device.
        prediction: (H, W), integers 0 to `classes` - 1.
        classes: number of classes, background included.
        tolerance: largest distance of matching pixels, as a share of the diagonal, 0 to 1.

    Raises:
        TypeError, ValueError: as `label_maps.checked_pair`; or the maps are a batch.
    """
    truth, prediction = checked_pair(truth, prediction, classes)
    if truth.ndim != 2:
        raise ValueError(f"boundary F1 is of one (H, W) label map at a time, not of {tuple(truth.shape)}")
    if not 0 <= tolerance <= 1:
        raise ValueError(f"the tolerance is a share of the diagonal, 0 to 1, not {tolerance}")
    truth, prediction = _as_bytes(truth), _as_bytes(prediction)
    # Ignored pixels become background in both: no class has them, and their neighbours are boundary.
    prediction = prediction * (truth != IGNORE)
    truth = truth * (truth != IGNORE)
    radius = tolerance * math.hypot(*truth.shape)
    f1: dict[int, float] = {}
    for first in range(1, classes, _BITS):
        f1 |= _f1_of_eight(truth, prediction, first, min(first + _BITS, classes), radius)
    return BoundaryScore(f1)


def _as_bytes(labels: LabelMap) -> LabelMap:
    if is_tensor(labels):
        import torch

        return labels.to(torch.uint8)
    return labels.astype(np.uint8, copy=False)


def _f1_of_eight(truth, prediction, first: int, end: int, radius: float) -> dict[int, float]:
    true_edges, predicted_edges = _edges(truth, first, end), _edges(prediction, first, end)
    true_count, recalled = _matches(true_edges, predicted_edges, radius)
    predicted_count, precise = _matches(predicted_edges, true_edges, radius)
    scores = {}
    for bit, label in enumerate(range(first, end)):
        if true_count[bit] or predicted_count[bit]:
            # 2PR / (P + R), which is 0 without matches and where one map has no boundary.
            precision = precise[bit] / predicted_count[bit] if predicted_count[bit] else 0.0
            recall = recalled[bit] / true_count[bit] if true_count[bit] else 0.0
            total = precision + recall
            scores[label] = float(2 * precision * recall / total) if total else 0.0
    return scores


def _edges(labels, first: int, end: int):
    """(H, W) uint8: bit b is set at boundary pixels of class `first` + b; other pixels are 0."""
    bits = np.zeros(256, np.uint8)
    bits[first:end] = 1 << np.arange(end - first)
    edge = labels != labels
    edge[0], edge[-1], edge[:, 0], edge[:, -1] = True, True, True, True
    rows, columns = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edge[1:] |= rows
    edge[:-1] |= rows
    edge[:, 1:] |= columns
    edge[:, :-1] |= columns
    if is_tensor(labels):
        import torch

        return torch.from_numpy(bits).to(labels.device)[labels.long()] * edge
    return bits.take(labels, mode="clip") * edge


def _matches(edges, others, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Per bit: the number of pixels that have it in `edges`, and of those with it in `others` within `radius`
    pixels."""
    near = _dilate(others, radius)
    return _count_bits(edges), _count_bits(edges & near)


def _dilate(bits, radius: float):
    """Dilates every bit by a disk of `radius` pixels, eight classes in one pass.

    The disk is a stack of rows: row dy reaches sqrt(radius² - dy²) to either side.
    """
    # a distance equal to the radius counts, despite rounding
    squared = int(radius * radius + 1e-9)
    reach = math.isqrt(squared)
    widths = [math.isqrt(squared - dy * dy) for dy in range(reach + 1)]
    spread = bits + 0
    out = bits * 0
    width = 0
    for dy in range(reach, -1, -1):
        while width < widths[dy]:
            width += 1
            spread[:, width:] |= bits[:, :-width]
            spread[:, :-width] |= bits[:, width:]
        if dy == 0:
            out |= spread
        elif dy < len(bits):
            out[dy:] |= spread[:-dy]
            out[:-dy] |= spread[dy:]
    return out


def _count_bits(bits) -> np.ndarray:
    """The number of pixels with each of the eight bits; a boundary pixel has at most one."""
    if is_tensor(bits):
        import torch

        counts = torch.bincount(bits.flatten().long(), minlength=256).cpu().numpy()
    else:
        found = bits[bits != BACKGROUND]
        counts = np.bincount(found, minlength=256)
    return counts[1 << np.arange(_BITS)]
