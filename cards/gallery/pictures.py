"""Makes the pictures of one row: reduced copies as WebP, and masks as transparent PNGs to lay over them."""

import base64
import io

import numpy as np
from PIL import Image

from diffseg30k import PALETTE

THUMBNAIL = 208
"""Side in pixels of a thumbnail's two halves."""

MASK_SIDE = 512
"""Longest side of a mask in pixels."""

_QUALITY, _METHOD = 85, 2
_FILL, _EDGE = 130, 255
"""Opacity, 0 to 255, inside a mask and at its border."""


def reduced(image: Image.Image, side: int) -> bytes:
    """An RGB image as lossy WebP, its longest side at most `side` pixels."""
    image = image.copy()
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return _webp(image)


def thumbnail(image: Image.Image, labels: np.ndarray) -> bytes:
    """Two squares side by side as WebP: the image, and the image with its label map over it.

    Args:
        image: RGB; what is not square is centred on transparency.
        labels: (H, W) uint8 label values.
    """
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    marked = small.convert("RGBA")
    marked.alpha_composite(_coloured(nearest(labels, small.size)).convert("RGBA"))
    square = small.size == (THUMBNAIL, THUMBNAIL)
    both = Image.new("RGB" if square else "RGBA", (2 * THUMBNAIL, THUMBNAIL))
    left, top = (THUMBNAIL - small.width) // 2, (THUMBNAIL - small.height) // 2
    both.paste(small, (left, top))
    both.paste(marked.convert(both.mode), (THUMBNAIL + left, top))
    return _webp(both)


def overlay(labels: np.ndarray) -> str:
    """A label map as a PNG in a `data:` URL: each class in its colour, half transparent, with an opaque border.

    Args:
        labels: (H, W) uint8 label values; 0 becomes transparent.
    """
    height, width = labels.shape
    scale = min(1.0, MASK_SIDE / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    out = io.BytesIO()
    _coloured(nearest(labels, size)).save(out, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"


def nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A label map at another size (width, height), by nearest neighbour."""
    return np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))


def _coloured(labels: np.ndarray) -> Image.Image:
    """A palette image: class `i` filled as colour `i`, its border as colour `len(PALETTE) + i`."""
    padded = np.pad(labels, 1, mode="edge")
    neighbours = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    border = np.any([neighbour != labels for neighbour in neighbours], axis=0) & (labels > 0)
    picture = Image.fromarray(np.where(border, labels + len(PALETTE), labels).astype(np.uint8), "L")
    picture = Image.frombytes("P", picture.size, picture.tobytes())
    picture.putpalette([channel for colour in PALETTE * 2 for channel in colour])
    picture.info["transparency"] = bytes([0, *[_FILL] * (len(PALETTE) - 1), 0, *[_EDGE] * (len(PALETTE) - 1)])
    return picture


def agreement(truth: np.ndarray, predicted: np.ndarray, binary: bool) -> dict[str, float | None]:
    """How a predicted label map agrees with the truth.

    Args:
        truth: (H, W) uint8 label values.
        predicted: the same shape.
        binary: whether `predicted` says only "edited".

    Returns:
        `iou`: of the edited pixels, whatever the class; None where neither has any. `right`: share of the truly
        edited pixels with the right class; None for `binary`, or where none is edited. `called`: share of all
        pixels that are predicted as edited.
    """
    edited, said = truth > 0, predicted > 0
    either = np.count_nonzero(edited | said)
    true = np.count_nonzero(edited)
    return {
        "iou": np.count_nonzero(edited & said) / either if either else None,
        "right": np.count_nonzero((truth == predicted) & edited) / true if true and not binary else None,
        "called": float(said.mean()),
    }


def _webp(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=_QUALITY, method=_METHOD)
    return out.getvalue()
