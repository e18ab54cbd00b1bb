"""Resizes square images and masks."""

import numpy as np
from PIL import Image


def resize_image(image: np.ndarray, side: int) -> np.ndarray:
    """Resizes a (S, S, 3) uint8 image to `side` by Lanczos; returns the same array if the size is the same."""
    if image.shape[0] == side:
        return image
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS))


def resize_mask(mask: np.ndarray, side: int) -> np.ndarray:
    """Resizes a (S, S) bool mask to `side`: a result pixel is true if the region touches it."""
    if mask.shape[0] == side:
        return mask
    old, new = np.arange(mask.shape[0]) * side, np.arange(side)[:, None] * mask.shape[0]
    overlap = ((old < new + mask.shape[0]) & (new < old + side)).astype(np.float32)
    return overlap @ mask.astype(np.float32) @ overlap.T > 0
