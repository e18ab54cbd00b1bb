"""Names masks: a detector of fixed classes finds boxes, and a mask gets the name of the box that it fills."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from generation.language.object_name import object_name
from generation.regions.grounding.detector import Box
from generation.regions.weights import load


class NamingDetector:
    """A loaded object detector of `transformers`, such as RT-DETR, DETR or YOLOS.

    Args:
        checkpoint: a folder, `NAMESPACE/NAME` or `NAMESPACE/NAME@REVISION`.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        CheckpointError: the checkpoint is unavailable, or of another model.
    """

    def __init__(self, checkpoint: str, device: str = "cpu"):
        from transformers import AutoModelForObjectDetection

        self._processor, self._model = load(
            checkpoint, "an object detector", "--detector", AutoModelForObjectDetection, device
        )

    def boxes(self, image: np.ndarray, min_score: float) -> list[Box]:
        """The boxes of the objects whose class is a name, highest scores first.

        Args:
            image: (H, W, 3) uint8.
            min_score: boxes with a lower score are dropped, 0 to 1.
        """
        import torch

        inputs = self._processor(images=Image.fromarray(image), return_tensors="pt").to(self._model.device)
        with torch.inference_mode():
            outputs = self._model(**inputs)
        (found,) = self._processor.post_process_object_detection(
            outputs, threshold=min_score, target_sizes=[image.shape[:2]]
        )
        names = [object_name(self._model.config.id2label[int(label)]) for label in found["labels"]]
        boxes = [
            Box(name, float(score), _four(corners))
            for name, score, corners in zip(names, found["scores"], found["boxes"], strict=True)
            if name is not None
        ]
        return sorted(boxes, key=lambda box: -box.score)


def name_masks(masks: np.ndarray, boxes: Sequence[Box], min_iou: float) -> list[str | None]:
    """The name of each mask; None where no box fits it. Each box names one mask, that which fits it best.

    Args:
        masks: (masks, H, W) bool.
        boxes: highest scores first.
        min_iou: least IoU of a box and a mask's box, 0 to 1.
    """
    names: list[str | None] = [None] * len(masks)
    fits = iou(np.array([bounds(mask) for mask in masks]).reshape(-1, 4), _corners(boxes))
    for place, box in enumerate(boxes):
        free = [index for index in range(len(masks)) if names[index] is None]
        best = max(free, key=lambda index: fits[index, place], default=None)
        if best is not None and fits[best, place] >= min_iou:
            names[best] = box.name
    return names


def bounds(mask: np.ndarray) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a (H, W) mask, in pixels; zeros for an empty one."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0.0, 0.0, 0.0, 0.0
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def iou(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(N, M) IoU of boxes (N, 4) and (M, 4): left, top, right, bottom."""
    least = np.maximum(one[:, None, :2], other[None, :, :2])
    most = np.minimum(one[:, None, 2:], other[None, :, 2:])
    inside = np.clip(most - least, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1][None] - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)


def _four(corners: Any) -> tuple[float, float, float, float]:
    left, top, right, bottom = map(float, corners)
    return left, top, right, bottom


def _corners(boxes: Sequence[Box]) -> np.ndarray:
    return np.array([box.corners for box in boxes], float).reshape(-1, 4)
