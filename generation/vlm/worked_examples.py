"""Builds the two worked examples that precede a request for a score (paper, appendix B, Figure 7).

The paper's images are not published. These two show the same cases, a slight oddity with score 4 and a fragment
with score 1, on photographs from scikit-image: a cup and saucer whose colour was changed except at the rim, and
the same scene with a piece of a face pasted into it.
"""

import functools
import json

import numpy as np
from PIL import Image, ImageFilter

from generation.vlm.question import Message, Picture
from generation.vlm.questions import rate

SIDE = 224
"""Side in pixels; an image takes 64 visual tokens of Qwen2.5-VL."""

_GOOD = (
    4,
    "the rim of the saucer has another colour than the rest of it, but the scene looks reasonable and natural",
)
_BAD = (1, "a woman's face lies on the table as an incomplete fragment that does not belong to the scene at all")


def worked_examples() -> tuple[Message, ...]:
    """Two scoring requests with their answers."""
    request = rate("this picture")
    return (
        Message("user", (Picture("example: changed colour", _changed_colour), request)),
        _answer(*_GOOD),
        Message("user", (Picture("example: fragment", _fragment), request)),
        _answer(*_BAD),
    )


def _answer(score: int, reason: str) -> Message:
    return Message("assistant", (json.dumps({"score": score, "reason": reason}),))


@functools.cache
def _coffee() -> np.ndarray:
    from skimage import data

    return _resized(data.coffee()[:, 100:500])


def _resized(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.LANCZOS))


@functools.cache
def _changed_colour() -> np.ndarray:
    """The red glaze of the cup and the saucer turned blue."""
    hue, saturation, value = Image.fromarray(_coffee()).convert("HSV").split()
    shifted = Image.merge("HSV", (hue.point(lambda level: (level + 140) % 256), saturation, value)).convert("RGB")
    redness = (np.asarray(hue).astype(np.int16) + 128) % 256 - 128
    dishes = _ellipse((0.52, 0.47), (0.42, 0.51)) & ~_ellipse((0.29, 0.47), (0.24, 0.29))
    glaze = (np.abs(redness - 4) < 9) & (np.asarray(saturation) > 150) & dishes
    smooth = Image.fromarray(glaze).convert("L").filter(ImageFilter.MedianFilter(5))
    return np.asarray(Image.composite(shifted, Image.fromarray(_coffee()), smooth))


@functools.cache
def _fragment() -> np.ndarray:
    from skimage import data

    face = _resized(data.astronaut()[40:240, 130:330])
    small = np.asarray(Image.fromarray(face).resize((SIDE // 2, SIDE // 2), Image.Resampling.LANCZOS))
    picture = _coffee().copy()
    top, left = SIDE - SIDE // 2 - 8, SIDE - SIDE // 2 - 4
    piece = _ellipse((0.5, 0.5), (0.36, 0.5))[::2, ::2] & (np.arange(SIDE // 2) > SIDE // 7)
    picture[top : top + SIDE // 2, left : left + SIDE // 2][piece] = small[piece]
    return picture


def _ellipse(centre: tuple[float, float], radii: tuple[float, float]) -> np.ndarray:
    """(SIDE, SIDE) bool; centre and radii as shares, downwards first."""
    down, across = (np.ogrid[:SIDE, :SIDE][axis] / SIDE for axis in (0, 1))
    return ((down - centre[0]) / radii[0]) ** 2 + ((across - centre[1]) / radii[1]) ** 2 < 1
