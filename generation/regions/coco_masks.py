"""Rasterises COCO segmentations and crops and resizes the masks as the base image was."""

import math
import re
from typing import Any

import numpy as np
from PIL import Image

from generation.sources.image_files import TURNS, Header, centre_square

ASPECT_TOLERANCE = 0.01
"""Largest relative difference of aspect ratios at which a file counts as a resized copy of the annotated image."""


MOST_BITS = 40
"""Of a number in a compressed run-length encoding: no run of an image is longer."""


class UnusableMask(ValueError):
    """A segmentation gives no usable mask; the message is the same for every case of one cause."""


def draw_segmentation(segmentation: Any, width: int, height: int) -> np.ndarray:
    """Rasterises a COCO segmentation at the annotated image's size.

    Args:
        segmentation: polygons, or a run-length encoding, compressed or not.
        width: width of the annotated image, in pixels.
        height: height of the annotated image, in pixels.

    Returns:
        (height, width) bool.

    Raises:
        UnusableMask: it is neither, or its encoding has another size.
    """
    if isinstance(segmentation, list):
        return _draw_polygons(segmentation, width, height)
    if isinstance(segmentation, dict):
        return _decode_run_lengths(segmentation, width, height)
    raise UnusableMask("the segmentation is neither polygons nor run lengths")


def _draw_polygons(polygons: list[Any], width: int, height: int) -> np.ndarray:
    from pycocotools import mask as coco_mask

    # pycocotools' memory grows with a polygon's length, so points far outside the image are clipped
    limits = np.array([width, height])
    drawable = [
        np.clip(points, 0, limits).ravel().tolist() for points in map(_points, polygons) if points is not None
    ]
    if not drawable:
        raise UnusableMask("the segmentation has no polygon of three points or more")
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(drawable, height, width))).astype(bool)


def _points(polygon: Any) -> np.ndarray | None:
    """A polygon's points, (N, 2) x and y, N at least 3."""
    try:
        values = np.asarray(polygon, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None
    if values.ndim != 1 or len(values) < 6 or len(values) % 2 or not np.isfinite(values).all():
        return None
    return values.reshape(-1, 2)


def _decode_run_lengths(segmentation: dict[str, Any], width: int, height: int) -> np.ndarray:
    if segmentation.get("size") != [height, width]:
        raise UnusableMask("the mask's size is not the annotated image's")
    counts = segmentation.get("counts")
    runs = _uncompressed(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(type(run) is int and run >= 0 for run in runs):
        raise UnusableMask("the mask's run lengths are damaged")
    if sum(runs) != width * height:
        raise UnusableMask("the mask's run lengths are damaged")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _uncompressed(counts: str) -> list[int]:
    """Decodes COCO's compressed run-length encoding to numbers.

    Does the same as `rleFrString` of pycocotools, which returns uninitialised memory for truncated strings. A
    character holds five bits of a number, the lowest first, and a bit that marks a continuation; from the fourth
    number on, the difference to the number two before is stored.
    """
    if not re.fullmatch(r"[0-o]*", counts):
        return [-1]
    runs: list[int] = []
    value = shift = 0
    for character in counts.encode("ascii"):
        if shift > MOST_BITS:
            return [-1]
        bits = character - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs if shift == 0 else [-1]


def turn_of(header: Header, width: int, height: int) -> Image.Transpose | None:
    """The operation that orients a mask of `width` by `height` like the displayed image; None if none is needed.

    Some tools annotate the image as displayed, others as stored, before its EXIF orientation is applied.

    Raises:
        UnusableMask: the annotated size fits neither, or fits both though the two differ.
    """
    as_shown = _fits(header.upright_size, width, height)
    as_stored = _fits((header.width, header.height), width, height)
    if not (as_shown or as_stored):
        raise UnusableMask("the file has another aspect ratio than the annotated image")
    if header.orientation == 1 or not as_stored:
        return None
    if as_shown:
        raise UnusableMask(
            "the file has an EXIF orientation, and its size does not show in which orientation it was annotated"
        )
    return TURNS[header.orientation]


def _fits(size: tuple[int, int], width: int, height: int) -> bool:
    return math.isclose(size[0] * height, size[1] * width, rel_tol=ASPECT_TOLERANCE)


def cut_square(
    mask: np.ndarray, header: Header, turn: Image.Transpose | None, side: int
) -> tuple[np.ndarray, float]:
    """Crops and resizes a mask as `image_files.decode_square` does its image.

    Args:
        mask: (H, W) bool, as annotated; H and W may differ from the file's by a factor.
        header: size and orientation of the image file.
        turn: the result of `turn_of`.
        side: height and width of the result, in pixels.

    Returns:
        (side, side) bool, and the share of the object inside the crop, 0 to 1.
    """
    picture = Image.fromarray(mask.view(np.uint8) * 255)
    if turn is not None:
        picture = picture.transpose(turn)
    left, top, edge = centre_square(*header.upright_size)
    across, down = (annotated / shown for annotated, shown in zip(picture.size, header.upright_size, strict=True))
    right, bottom = min((left + edge) * across, picture.width), min((top + edge) * down, picture.height)
    box = (left * across, top * down, right, bottom)
    cut = np.asarray(picture.resize((side, side), Image.Resampling.BILINEAR, box=box)) >= 128
    inside = np.asarray(picture)[round(box[1]) : round(bottom), round(box[0]) : round(right)]
    return cut, np.count_nonzero(inside) / (np.count_nonzero(mask) or 1)
