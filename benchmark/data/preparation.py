"""Prepares a sample for training: fits it to the training size, then augments and crops it.

Fitting has no chance in it, so that it can be done once and kept.
"""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from benchmark.data.dataset import Sample
from benchmark.models.recipes import Preparation, Recipe
from diffseg30k import IGNORE

LOAD_SIZE = 256 / 224
"""CNNSpot's shorter side before the crop, as a multiple of the crop's side."""

MAX_SIGMA = 3.0
JPEG_QUALITY = (30, 100)


def prepare(sample: Sample, recipe: Recipe, size: int, rng: np.random.Generator):
    """Prepares the training image, (size, size, 3) uint8, and its truth, (size, size) uint8 or the label.

    Args:
        sample: the row, fitted or not.
        recipe: its `preparation`, `scale` and `augment_probability` are used.
        size: side of the result, in pixels.
        rng: the random generator of all random choices.

    Returns:
        Arrays, or views of arrays, that may not be writable.
    """
    sample = fit(sample, recipe.preparation, size)
    if recipe.preparation == "forensic":
        return forensic(sample.image, size, recipe.augment_probability, rng), sample.truth
    assert isinstance(sample.truth, np.ndarray)
    return segmentation(sample.image, sample.truth, size, recipe.scale, rng)


def fit(sample: Sample, preparation: Preparation, size: int) -> Sample:
    """The sample at the training size; of a sample that is fitted already, the same.

    Args:
        preparation: `segmentation`: image and mask become size x size; `forensic`, CNNSpot's: the shorter side
            becomes 8/7 of `size` (256 for 224).
        size: side of the training image, in pixels.
    """
    if preparation == "forensic":
        return replace(sample, image=shorten(sample.image, round(size * LOAD_SIZE)))
    mask = np.asarray(sample.truth)
    return replace(sample, image=resize_image(sample.image, size, size), truth=resize_mask(mask, size, size))


def resize_image(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resizes to (height, width, 3) by Pillow's bilinear filter, which averages over the area when shrinking."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resizes to (height, width) by nearest neighbour."""
    if mask.shape == (height, width):
        return mask
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))


def segmentation(
    image: np.ndarray, mask: np.ndarray, size: int, scale: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Scales image and mask, both of side `size`, by a random factor, crops or pads them to `size`, and mirrors
    half of them.

    Padding is black in the image and 255, the ignore value, in the mask.
    """
    side = max(1, round(size * rng.uniform(*scale)))
    if side > size:
        image, mask = _enlarged(image, mask, side, rng)
    elif side < size:
        image, mask = _padded(resize_image(image, side, side), resize_mask(mask, side, side), size, rng)
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    return image, mask


def _enlarged(image: np.ndarray, mask: np.ndarray, side: int, rng: np.random.Generator):
    """A random crop of image and mask enlarged to `side`, as large as they are; only the crop is computed."""
    size = len(mask)
    top, left = rng.integers(0, side - size + 1, 2)
    box = tuple(edge * size / side for edge in (left, top, left + size, top + size))
    return tuple(
        np.asarray(Image.fromarray(part).resize((size, size), kind, box=box))
        for part, kind in ((image, Image.Resampling.BILINEAR), (mask, Image.Resampling.NEAREST))
    )


def _padded(image: np.ndarray, mask: np.ndarray, size: int, rng: np.random.Generator):
    missing = size - len(mask)
    top, left = (int(edge) for edge in rng.integers(0, missing + 1, 2))
    margins = (top, missing - top), (left, missing - left)
    return np.pad(image, (*margins, (0, 0))), np.pad(mask, margins, constant_values=IGNORE)


def forensic(image: np.ndarray, size: int, probability: float, rng: np.random.Generator) -> np.ndarray:
    """Prepares CNNSpot's training image, (size, size, 3) uint8, from one that is fitted.

    Blur and JPEG, each with `probability`, then a random crop, mirrored half the time.
    """
    if rng.random() < probability:
        image = blur(image, rng.uniform(0, MAX_SIGMA))
    if rng.random() < probability:
        image = jpeg(image, int(rng.integers(JPEG_QUALITY[0], JPEG_QUALITY[1] + 1)))
    height, width = image.shape[:2]
    top, left = rng.integers(0, height - size + 1), rng.integers(0, width - size + 1)
    image = image[top : top + size, left : left + size]
    return image[:, ::-1] if rng.random() < 0.5 else image


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
