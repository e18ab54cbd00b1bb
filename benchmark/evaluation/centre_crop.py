"""Says what the masks of a dataset mean for results on it."""

from __future__ import annotations

import glob
import io
import os

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from benchmark.models.recipes import size_for
from diffseg30k import CONFIGS

CROP = size_for("cnnspot")
"""Side of the centre crop that CNNSpot and UniversalFakeDetect see, in pixels."""


def centre_crop_misses(dataset: str, config: str, split: str, side: int = CROP) -> tuple[int, int] | None:
    """How many edited images have no edited pixel in their centre crop, and how many edited images there are.

    A classifier that sees the centre alone cannot find these edits.

    Args:
        dataset: a packed folder; of other datasets it is not counted.
        config, split: what is evaluated.
        side: of the crop, in pixels.
    """
    if not os.path.isdir(dataset):
        return None
    view = CONFIGS[config]
    missed = edited = 0
    for place in view.splits[split]:
        for file in sorted(glob.glob(os.path.join(dataset, place, "*.parquet"))):
            for row in pq.read_table(file, columns=["binary_mask"], filters=view.filters).to_pylist():
                with Image.open(io.BytesIO(row["binary_mask"]["bytes"])) as picture:
                    mask = np.asarray(picture) > 0
                if mask.any():
                    edited += 1
                    missed += not _centre(mask, side).any()
    return missed, edited


def _centre(mask: np.ndarray, side: int) -> np.ndarray:
    top, left = (max(0, round((size - side) / 2)) for size in mask.shape)
    return mask[top : top + side, left : left + side]
