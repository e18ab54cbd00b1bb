"""Resizes square images."""

import numpy as np
from PIL import Image


def resize_image(image: np.ndarray, side: int) -> np.ndarray:
    """Resizes a (S, S, 3) uint8 image to `side` by Lanczos; returns the same array if the size is the same."""
    if image.shape[0] == side:
        return image
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS))
