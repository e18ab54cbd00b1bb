"""Image and mask moved together: copy this file beside your training script. It needs NumPy and Pillow alone."""

import random

import numpy as np
from PIL import Image

Pair = tuple[np.ndarray, np.ndarray]


def fit(image: Image.Image, mask: Image.Image, side: int) -> Pair:
    """The pair at one size, for validation: the image resized smoothly, the mask without mixing class ids.

    Args:
        image: RGB.
        mask: palette or grey picture of class ids, of the same size.
        side: height and width of the result, in pixels.

    Returns:
        Image (side, side, 3) float32 from 0 to 1, and mask (side, side) uint8.
    """
    return _arrays(
        image.resize((side, side), Image.Resampling.BILINEAR), mask.resize((side, side), Image.Resampling.NEAREST)
    )


def augment(image: Image.Image, mask: Image.Image, side: int, chance: random.Random) -> Pair:
    """The pair for training: a random square of half to all of the shorter side, at one size, perhaps mirrored.

    Args:
        chance: where the randomness comes from; the same state gives the same pair.

    Returns:
        As `fit`.
    """
    square = round(chance.uniform(0.5, 1) * min(image.size))
    left, top = (chance.randint(0, size - square) for size in image.size)
    box = (left, top, left + square, top + square)
    image, mask = image.crop(box), mask.crop(box)
    if chance.random() < 0.5:
        image, mask = (picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for picture in (image, mask))
    return fit(image, mask, side)


def _arrays(image: Image.Image, mask: Image.Image) -> Pair:
    # a palette picture gives its class ids, not its colours
    return np.asarray(image.convert("RGB"), np.float32) / 255, np.asarray(mask, np.uint8)
