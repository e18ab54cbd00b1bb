"""Prepares a sample for training: resizes, augments and crops the image and its truth."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from benchmark.data.dataset import Sample
from benchmark.models.recipes import Recipe
from diffseg30k import IGNORE

LOAD_SIZE = 256 / 224
"""CNNSpot's shorter side before the crop, as a multiple of the crop's side."""

MAX_SIGMA = 3.0
JPEG_QUALITY = (30, 100)


def prepare(sample: Sample, recipe: Recipe, size: int, rng: np.random.Generator):
    """Prepares the training image, (size, size, 3) uint8, and its truth, (size, size) uint8 or the label.

    Args:
        sample: the row.
        recipe: its `preparation`, `scale` and `augment_probability` are used.
        size: side of the result, in pixels.
        rng: the random generator of all random choices.
    """
    if recipe.preparation == "forensic":
        return forensic(sample.image, size, recipe.augment_probability, rng), sample.truth
    assert isinstance(sample.truth, np.ndarray)
    return segmentation(sample.image, sample.truth, size, recipe.scale, rng)


def resize_image(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resizes to (height, width, 3) by Pillow's bilinear filter, which averages over the area when shrinking."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resizes to (height, width) by nearest neighbour."""
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))


def segmentation(
    image: np.ndarray, mask: np.ndarray, size: int, scale: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Resizes image and mask to `size` times a random scale, crops or pads them to `size`, and mirrors half of
    them.

    Padding is black in the image and 255, the ignore value, in the mask.
    """
    side = max(1, round(size * rng.uniform(*scale)))
    image, mask = resize_image(image, side, side), resize_mask(mask, side, side)
    if side != size:
        image, mask = _crop(image, mask, size, rng)
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(mask)


def _crop(image: np.ndarray, mask: np.ndarray, size: int, rng: np.random.Generator):
    missing = max(0, size - len(mask))
    image = np.pad(image, ((0, missing), (0, missing), (0, 0)))
    mask = np.pad(mask, ((0, missing), (0, missing)), constant_values=IGNORE)
    top, left = rng.integers(0, len(mask) - size + 1, 2)
    return image[top : top + size, left : left + size], mask[top : top + size, left : left + size]


def forensic(image: np.ndarray, size: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Prepares CNNSpot's training image, (size, size, 3) uint8.

    The shorter side is resized to 8/7 of `size` (256 for 224); blur and JPEG follow, each with `probability`, then
    a random crop, mirrored half the time.
    """
    image = shorten(image, round(size * LOAD_SIZE))
    if rng.random() < probability:
        image = blur(image, rng.uniform(0, MAX_SIGMA))
    if rng.random() < probability:
        image = jpeg(image, int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1] + 1)))
    height, width = image.shape[:2]
    top, left = rng.integers(0, height - size + 1), rng.integers(0, width - size + 1)
    image = image[top : top + size, left : left + size]
    return np.ascontiguousarray(image[:, ::-1] if rng.random() < 0.5 else image)


def shorten(image: np.ndarray, side: int) -> np.ndarray:
    """Resizes an image so that its shorter side is `side`."""
    height, width = image.shape[:2]
    factor = side / min(height, width)
    return resize_image(image, max(side, round(width * factor)), max(side, round(height * factor)))


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur of each channel, `sigma` in pixels."""
    from scipy.ndimage import gaussian_filter

    return gaussian_filter(image, (sigma, sigma, 0))


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """The image after JPEG compression by Pillow."""
    return encoded(image, "JPEG", quality=quality)


def encoded(image: np.ndarray, kind: str, **options) -> np.ndarray:
    """Encodes an image in a format of Pillow and decodes it again."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, kind, **options)
    with Image.open(out) as picture:
        return np.asarray(picture.convert("RGB"))
