"""Reads what a detector returned for an image: a label map, probabilities, or a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics.classification import THRESHOLD
from benchmark.metrics.label_maps import is_tensor
from benchmark.models.registry import CLASSES, Task

SUM_TOLERANCE = 0.01
"""What the probabilities of a pixel's classes may sum to beside 1, since half precision rounds."""


CLASSIFIER_SHARE = 0.01
"""Share of an image's pixels, those with the highest scores, whose mean is a segmentation model's image score."""


@dataclass(frozen=True)
class Answer:
    """What a detector says of an image.

    Attributes:
        labels: (H, W) label map, integers.
        edited: (H, W) float probabilities of "edited", 0 to 1; None where the detector gives labels only.
    """

    labels: np.ndarray
    edited: np.ndarray | None = None


def read_answer(returned: Any, task: Task, where: str) -> Answer:
    """Reads what a detector returned: an array or a tensor of any size.

    It is a label map (H, W) of integers or bool, or float probabilities: (C, H, W) of the classes, or for `binary`
    (H, W) of "edited".

    Args:
        where: the detector and the row, for messages.

    Raises:
        ValueError: it is none of these; the message says what to return instead.
    """
    if isinstance(returned, Answer):
        return returned
    if returned is None:
        raise ValueError(f"{where} is None: return a label map (H, W) or probabilities for every image")
    values = returned.detach().cpu().numpy() if is_tensor(returned) else np.asarray(returned)
    if values.dtype == np.bool_:
        values = values.view(np.uint8)
    if not np.issubdtype(values.dtype, np.number) or np.issubdtype(values.dtype, np.complexfloating):
        raise ValueError(f"{where} holds {values.dtype}: return a label map of integers, or probabilities")
    if values.size == 0:
        raise ValueError(f"{where} is {values.shape}; a label map is (H, W)")
    if np.issubdtype(values.dtype, np.integer):
        return Answer(_labels(values, task, where))
    return _probabilities(values, task, where)


def read_score(returned: Any, where: str, as_classifier: bool = False) -> float:
    """Reads the score of a whole image, 0 (real) to 1 (edited).

    Args:
        where: the detector and the row, for messages.
        as_classifier: whether probabilities of the pixels are taken too: of "edited" (H, W), or of classes
            (C, H, W), `binary`'s two or `semantic`'s nine. Their score is the mean of the highest hundredth.

    Raises:
        ValueError: it is none of these.
    """
    values = returned.detach().cpu().numpy() if is_tensor(returned) else returned
    if np.ndim(values) >= 2 and np.size(values) > 1:
        return _score_of_pixels(np.asarray(values), where, as_classifier)
    try:
        score = float(values)
    except (TypeError, ValueError):
        raise ValueError(f"{where} is {type(returned).__name__}, and not one number from 0 to 1") from None
    if not 0 <= score <= 1:
        raise ValueError(f"{where} is {score:g}; a probability is 0 to 1: apply a sigmoid to logits")
    return score


def _score_of_pixels(values: np.ndarray, where: str, as_classifier: bool) -> float:
    if not as_classifier:
        raise ValueError(
            f"{where} is {values.shape}, and not one number from 0 to 1: add --as-classifier to score images by "
            "the probabilities of their pixels"
        )
    task: Task = "semantic" if values.ndim == 3 and len(values) == CLASSES["semantic"] else "binary"
    edited = read_answer(values, task, where).edited
    if edited is None:
        raise ValueError(f"{where} holds labels; --as-classifier takes the probabilities of the pixels")
    count = max(1, round(edited.size * CLASSIFIER_SHARE))
    highest = np.partition(edited.ravel(), edited.size - count)[-count:]
    return float(np.clip(highest.mean(dtype=np.float64), 0, 1))


def _labels(values: np.ndarray, task: Task, where: str) -> np.ndarray:
    if values.ndim != 2:
        raise ValueError(f"{where} is {values.shape}; a label map is (H, W){_squeezed(values)}")
    least, most, classes = values.min(), values.max(), CLASSES[task]
    if least >= 0 and most < classes:
        return values
    if task == "binary" and set(np.unique(values)) <= {0, 255}:
        raise ValueError(f"{where} holds 0 and 255: divide by 255, for edited pixels are 1")
    outside = most if most >= classes else least
    raise ValueError(f"{where} holds class {outside}; {task} has the classes 0 to {classes - 1}")


def _probabilities(values: np.ndarray, task: Task, where: str) -> Answer:
    classes = CLASSES[task]
    wanted = f"({classes}, H, W)" if task == "semantic" else f"(H, W) or ({classes}, H, W)"
    if values.ndim == 2 and task == "semantic":
        raise ValueError(
            f"{where} is one map of probabilities, {values.shape}; semantic takes {wanted}, or labels"
        )
    if values.ndim not in (2, 3) or (values.ndim == 3 and len(values) != classes):
        raise ValueError(f"{where} is {values.shape}; probabilities for {task} are {wanted}{_squeezed(values)}")
    if not np.isfinite(values).all():
        raise ValueError(f"{where} holds numbers that are not finite")
    if values.min() < 0 or values.max() > 1:
        outside = values.min() if values.min() < 0 else values.max()
        kind = "a softmax" if values.ndim == 3 else "a sigmoid"
        raise ValueError(f"{where} holds {outside:g}; probabilities are 0 to 1: apply {kind} to logits")
    if values.ndim == 2:
        return Answer((values > THRESHOLD).astype(np.uint8), values)
    total = values.sum(axis=0, dtype=np.float64)
    if np.abs(total - 1).max() > SUM_TOLERANCE:
        raise ValueError(
            f"{where}: the classes of a pixel sum to {total.flat[np.abs(total - 1).argmax()]:g} and not to 1: "
            "apply a softmax over the first axis"
        )
    return Answer(values.argmax(axis=0).astype(np.uint8), 1 - values[0])


def _squeezed(values: np.ndarray) -> str:
    return ": remove the axes of length 1" if 1 in values.shape and np.squeeze(values).ndim == 2 else ""
