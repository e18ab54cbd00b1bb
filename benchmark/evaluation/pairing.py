"""Pairs the images that Stable Diffusion XL edited with those that it edited again with a LoRA, for Table 4.

The two sets of a dataset differ: `semantic` holds edits of other photographs too. Table 4 compares the rows that
are in both: of one base image, with one semantic mask.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

import numpy as np

from benchmark.metrics.label_maps import resize_labels
from diffseg30k import CLASS_NAMES

CONFIGS = ("semantic", "semantic-lora")
SDXL = CLASS_NAMES.index("sdxl")

Counts = tuple[int, int, int]
"""Pixels of SDXL in both maps, in the truth, and in the prediction."""


def pair_key(row_id: str, truth: np.ndarray) -> str:
    """What a row shares with its counterpart: the image's name, which begins its id, and a digest of the truth.

    Args:
        row_id: `IMAGE-DIGEST`, where eight hexadecimal digits tell editions of an image apart.
        truth: (H, W) uint8 label map.
    """
    image = re.sub(r"-[0-9a-f]{8}$", "", row_id)
    shape = "x".join(map(str, truth.shape))
    return f"{image} {hashlib.blake2b(shape.encode() + truth.tobytes(), digest_size=8).hexdigest()}"


def sdxl_counts(truth: np.ndarray, prediction: np.ndarray) -> Counts | None:
    """The pixels of SDXL in a row; None where its truth has none.

    Args:
        truth: (H, W) label map.
        prediction: a label map of any size, which is brought to the truth's.
    """
    true = truth == SDXL
    if not true.any():
        return None
    called = resize_labels(prediction, truth.shape) == SDXL
    return int((true & called).sum()), int(true.sum()), int(called.sum())


def paired_iou(one: Mapping[str, Counts], other: Mapping[str, Counts]) -> tuple[float | None, float | None, int]:
    """The IoU of SDXL in two results, over the rows that are in both, and how many these are.

    Args:
        one, other: key of `pair_key` to counts.
    """
    both = one.keys() & other.keys()
    return _iou([one[key] for key in both]), _iou([other[key] for key in both]), len(both)


def _iou(counts: list[Counts]) -> float | None:
    if not counts:
        return None
    common, true, called = (sum(column) for column in zip(*counts, strict=True))
    return common / (true + called - common)
