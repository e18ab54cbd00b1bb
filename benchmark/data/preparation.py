"""Training images: a sample to the picture and the truth that a baseline trains on."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from benchmark.data.dataset import Sample
from benchmark.models.recipes import Recipe
from diffseg30k import IGNORE

LOAD_SIZE = 256 / 224
"""CNNSpot's short side before the crop, as a multiple of the crop's side."""

MAX_SIGMA = 3.0
JPEG_QUALITY = (30, 100)


def prepare(sample: Sample, recipe: Recipe, size: int, rng: np.random.Generator):
    """The training picture (size, size, 3) uint8, and its truth: (size, size) uint8, or the label.

    Args:
        sample: the row.
        recipe: its `preparation`, `scale` and `augment_probability` say what is done.
        size: the side in pixels.
        rng: where all chance comes from.
    """
    if recipe.preparation == "forensic":
        return forensic(sample.image, size, recipe.augment_probability, rng), sample.truth
    assert isinstance(sample.truth, np.ndarray)
    return segmentation(sample.image, sample.truth, size, recipe.scale, rng)


def resize_image(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width, 3) by Pillow's bilinear filter, which averages over the area when it shrinks."""
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, width: int, height: int) -> np.ndarray:
    """(height, width) by nearest neighbour."""
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))


def segmentation(
    image: np.ndarray, mask: np.ndarray, size: int, scale: tuple[float, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Image and mask resized together to size x size times a random scale, cut or padded, mirrored half the time.

    What is padded is black in the image and 255, "ignore", in the mask.
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
    """CNNSpot's training picture: (size, size, 3).

    The short side is brought to 8/7 of `size` (256 for 224), then blur and JPEG each with `probability`,
    a random crop, and a mirror image half the time.
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
    """The image with its short side brought to `side`."""
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
    """The image written in a format of Pillow's and read again."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, kind, **options)
    with Image.open(out) as picture:
        return np.asarray(picture.convert("RGB"))
