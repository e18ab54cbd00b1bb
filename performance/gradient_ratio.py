"""The gradient across a mask's border over the gradient near it, a simple measure to compare others with."""

import numpy as np

NEIGHBOURHOOD = 8
"""Pixels on each side of a mask's border that the border is compared with."""

FLAT = 1.0
"""Levels of 255. Lower bound on the gradient of the neighbourhood: next to a clear sky every border would stand
out."""


def gradient_ratio(image: np.ndarray, mask: np.ndarray) -> float | None:
    """The gradient across the border of an edit divided by the gradient in its neighbourhood.

    A gradient is the mean absolute difference of the channels of two horizontally or vertically adjacent pixels.
    Pairs that the border separates are compared with the other pairs within NEIGHBOURHOOD pixels of the border.

    Args:
        image: (H, W, 3) uint8, after the edit.
        mask: (H, W) bool, true inside the edited region.

    Returns:
        At least 0; 1 means that the border does not stand out. None if the mask has no border or no neighbourhood.
    """
    (top, bottom), (left, right) = (_reach(mask, axis) for axis in (0, 1))
    pixels, inside = image[top:bottom, left:right].astype(np.int16), mask[top:bottom, left:right]
    near = _near_border(inside)
    crossing, beside = [], []
    for axis in (0, 1):
        gradient = np.abs(np.diff(pixels, axis=axis)).mean(axis=-1)
        parted = np.diff(inside, axis=axis)
        first, second = (_shifted(near, axis, end) for end in (False, True))
        crossing.append(gradient[parted])
        beside.append(gradient[first & second & ~parted])
    at_border, around = np.concatenate(crossing), np.concatenate(beside)
    if not at_border.size or not around.size:
        return None
    return float(at_border.mean() / max(around.mean(), FLAT))


def _reach(mask: np.ndarray, axis: int) -> tuple[int, int]:
    """First and last index along an axis of the mask with its neighbourhood; other pixels are not needed."""
    places = np.flatnonzero(mask.any(axis=1 - axis))
    if not places.size:
        return 0, 0
    return max(int(places[0]) - NEIGHBOURHOOD - 1, 0), int(places[-1]) + NEIGHBOURHOOD + 2


def _near_border(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_dilation, binary_erosion

    if not mask.any():
        return mask
    grown = binary_dilation(mask, iterations=NEIGHBOURHOOD)
    return grown & ~binary_erosion(mask, iterations=NEIGHBOURHOOD, border_value=1)


def _shifted(array: np.ndarray, axis: int, end: bool) -> np.ndarray:
    """The first or the second pixel of each pair along an axis."""
    cut = slice(1, None) if end else slice(None, -1)
    return array[cut] if axis == 0 else array[:, cut]
