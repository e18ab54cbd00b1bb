"""Distorts images under a named condition, those of the paper's Table 3 and further ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmark.data.preparation import blur, encoded, jpeg, resize_image
from diffseg30k import derived_seed

Rng = np.random.Generator
CROP_SHARE = (0.6, 0.9)
"""The range of the share of each side that `crop` keeps, 0 to 1."""


@dataclass(frozen=True)
class Condition:
    """A distortion that is applied to images before detection. A part that is None is skipped.

    Attributes:
        name: its name on the command line and in result files.
        about: one sentence that describes it.
        crop: image and mask are cropped to the same random rectangle; the range of each side's kept share, 0 to 1.
        size: side in pixels that images are resized to, instead of the detector's training size.
        pixels: function that changes the pixels of an image at the detector's input size.
        attack: largest change of a channel in a white-box attack with the detector's gradient, in 255ths.
    """

    name: str
    about: str
    crop: tuple[float, float] | None = None
    size: int | None = None
    pixels: Callable[[np.ndarray, Rng], np.ndarray] | None = None
    attack: float | None = None


def _noise(image: np.ndarray, sigma: float, rng: Rng) -> np.ndarray:
    return np.clip(np.round(image + rng.normal(0, sigma, image.shape)), 0, 255).astype(np.uint8)


def _shared(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Simulates sharing on social networks: shrunk, compressed as JPEG and WebP, enlarged again, compressed as
    JPEG."""
    height, width = image.shape[:2]
    factor = rng.uniform(0.6, 1.0)
    small = resize_image(image, max(1, round(width * factor)), max(1, round(height * factor)))
    small = jpeg(small, int(rng.integers(75, 93)))
    small = encoded(small, "WEBP", quality=int(rng.integers(70, 86)))
    return jpeg(resize_image(small, width, height), int(rng.integers(70, 86)))


@dataclass(frozen=True)
class _Kind:
    """A family of conditions with a number: description, range of the number, and constructor."""

    number: str
    least: float
    most: float
    about: str
    make: Callable[[float], dict]


def _pixels(change: Callable[[np.ndarray, float, Rng], np.ndarray]) -> Callable[[float], dict]:
    return lambda number: {"pixels": lambda image, rng: change(image, number, rng)}


def _webp(image: np.ndarray, quality: float, rng: Rng) -> np.ndarray:
    return encoded(image, "WEBP", quality=int(quality))


_KINDS: dict[str, _Kind] = {
    "jpeg": _Kind("QUALITY", 1, 100, "JPEG of quality {:g}.", _pixels(lambda image, q, rng: jpeg(image, int(q)))),
    "webp": _Kind("QUALITY", 1, 100, "WebP of quality {:g}.", _pixels(_webp)),
    "blur": _Kind("PIXELS", 0.01, 100, "Gaussian blur, {:g} px.", _pixels(lambda image, s, rng: blur(image, s))),
    "noise": _Kind("255THS", 0.01, 255, "Gaussian noise, {:g} / 255.", _pixels(_noise)),
    "resize": _Kind("SIDE", 8, 8192, "Resized to {:g} px.", lambda side: {"size": int(side)}),
    "pgd": _Kind("255THS", 1, 255, "White-box attack within {:g} / 255.", lambda limit: {"attack": limit}),
}
CLEAN = "clean"
"""The condition without a distortion."""

_PLAIN = (
    Condition(CLEAN, "As it is."),
    Condition("crop", "Cut to a random 60 to 90 % of each side.", crop=CROP_SHARE),
    Condition(
        "social", "Shrunk and compressed three times, as by social networks and messengers.", pixels=_shared
    ),
)

TABLE_3 = (CLEAN, "jpeg-60", "jpeg-80", "resize-256", "resize-1024")
BEYOND = ("webp-80", "blur-1", "noise-5", "crop", "social", "pgd-2")
CONDITIONS = (*TABLE_3, *BEYOND)
"""The conditions that the paper reports, followed by further ones."""


def condition(name: str) -> Condition:
    """A condition by its name: `clean`, `crop`, `social`, or KIND-NUMBER such as `jpeg-60`.

    Raises:
        ValueError: there is no such condition, or its number is out of range.
    """
    for plain in _PLAIN:
        if plain.name == name:
            return plain
    match = re.fullmatch(r"([a-z]+)-(\d+(?:\.\d+)?)", name)
    if not match or match[1] not in _KINDS:
        forms = [f"{kind}-{about.number}" for kind, about in _KINDS.items()]
        raise ValueError(f"{name!r} is no condition; there are {', '.join([*(p.name for p in _PLAIN), *forms])}")
    kind, value = _KINDS[match[1]], float(match[2])
    if not kind.least <= value <= kind.most:
        raise ValueError(f"{name!r}: the number is {kind.least:g} to {kind.most:g}")
    return Condition(name, kind.about.format(value), **kind.make(value))


def sweep(text: str) -> tuple[str, ...]:
    """The names of the conditions of a sweep over the strength of a distortion.

    >>> sweep("jpeg=50:100:10")
    ('jpeg-50', 'jpeg-60', 'jpeg-70', 'jpeg-80', 'jpeg-90', 'jpeg-100')

    Args:
        text: `KIND=FROM:TO:STEP`; both ends are part of it.

    Raises:
        ValueError: it is none, or there is no such condition.
    """
    number = r"(\d+(?:\.\d+)?)"
    match = re.fullmatch(rf"([a-z]+)={number}:{number}:{number}", text)
    if not match or not float(match[4]) or float(match[2]) > float(match[3]):
        raise ValueError(f"{text!r} is no sweep: give KIND=FROM:TO:STEP, as in jpeg=50:100:10")
    first, last, step = (float(match[part]) for part in (2, 3, 4))
    steps = range(int((last - first) / step + 1e-9) + 1)
    return tuple(condition(f"{match[1]}-{first + step * each:g}").name for each in steps)


def strength(name: str) -> tuple[str, float] | None:
    """The kind and the number of a condition such as `jpeg-60`; None for one without a number."""
    kind, _, number = name.partition("-")
    return (kind, float(number)) if kind in _KINDS and number else None


def chance(seed: int, condition: str, id: str) -> Rng:
    """Where the chance of one row under one condition comes from: the same whatever the order of the rows."""
    return np.random.default_rng(derived_seed(seed, condition, id))


def distort(
    image: np.ndarray, truth: np.ndarray | int, wanted: Condition, size: int | None, rng: Rng
) -> tuple[np.ndarray, np.ndarray | int]:
    """Distorts an image, and crops its truth in the same way.

    A resize does not change the truth: predictions are resized to the truth's size, never the reverse.

    Args:
        image: (H, W, 3) uint8.
        truth: (H, W) label map, or a label.
        wanted: the condition; its attack is not applied here.
        size: the detector's training side, in pixels; None keeps the image's size.
        rng: the random generator of all random choices.
    """
    if wanted.crop:
        image, truth = _crop(image, truth, wanted.crop, rng)
    side = wanted.size or size
    if side:
        image = resize_image(image, *_shape_with(image, side))
    if wanted.pixels:
        image = wanted.pixels(image, rng)
    return image, truth


def _crop(image: np.ndarray, truth, share: tuple[float, float], rng: Rng):
    height, width = (max(1, round(length * rng.uniform(*share))) for length in image.shape[:2])
    top = rng.integers(0, image.shape[0] - height + 1)
    left = rng.integers(0, image.shape[1] - width + 1)
    window = slice(top, top + height), slice(left, left + width)
    return image[window], truth[window] if isinstance(truth, np.ndarray) else truth


def _shape_with(image: np.ndarray, side: int) -> tuple[int, int]:
    """(width, height) after resizing the shorter side to `side`."""
    height, width = image.shape[:2]
    factor = side / min(height, width)
    return max(1, round(width * factor)), max(1, round(height * factor))
