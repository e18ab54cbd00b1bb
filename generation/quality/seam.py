"""Measures how clearly an edit's border stands out: by a step of brightness or colour, or by a change of grain."""

from dataclasses import dataclass

import numpy as np

NEIGHBOURHOOD = 8
"""Pixels on each side of the border whose grain is compared."""

CELL = 128
"""Pixels. The step is measured in square cells of this side, since an edit may be too bright at one end of its
region and too dark at the other."""

FEWEST = 8
"""Places on the border that a cell needs: the median of fewer is chance."""

STEP = 6.0
"""Levels of 255. A step that counts as a seam of 1."""

GRAIN = 1.4
"""Octaves. A ratio of grain, 2.6 times, that counts as a seam of 1."""

FLATTEST = 1.0
"""Levels of 255. Finer grain counts as this much: the rounding of pixels has no grain to compare."""


def seam(image: np.ndarray, mask: np.ndarray) -> float | None:
    """How clearly the border of an edit stands out from what lies on both sides of it.

    Of four pixels in a line, in rows and in columns, the bend is what the middle two differ more than the outer
    pairs do. An edge of the photograph's own is spread over several pixels and crosses a mask's border here and
    there; a border that was cut has a bend of the same sign all along. The seam is the larger of

    - the step: the absolute median bend across the border, in STEP, averaged over cells by their places;
    - the grain: the ratio of the first quartiles of the absolute bends inside and outside, in octaves, in GRAIN.

    Args:
        image: (H, W, 3) uint8, after the edit.
        mask: (H, W) bool, true inside the edited region.

    Returns:
        At least 0; under 1 the border stands out no more than most borders of objects in photographs. None if the
        mask has no border, or is nowhere four pixels wide beside it.
    """
    (top, bottom), (left, right) = (_reach(mask, axis) for axis in (0, 1))
    pixels, region = image[top:bottom, left:right].astype(np.float32), mask[top:bottom, left:right]
    near = _near_border(region)
    down = _bends(pixels, region, near)
    along = _bends(pixels.swapaxes(0, 1), region.T, near.T)
    across, inside, outside = (
        np.concatenate([getattr(down, name), getattr(along, name)]) for name in ("across", "inside", "outside")
    )
    places = np.concatenate([down.places, along.places[:, ::-1]])
    measured = _step(across, places), _grain(inside, outside)
    return max((each for each in measured if each is not None), default=None)


@dataclass(frozen=True)
class _Bends:
    """Bends in levels of 255.

    Attributes:
        across: (N, 3) float32, across the border, from outside to inside.
        places: (N, 2) int64, their rows and columns.
        inside: (M,) float32, absolute, mean of the channels, in the neighbourhood inside.
        outside: (K,) float32, the same outside.
    """

    across: np.ndarray
    places: np.ndarray
    inside: np.ndarray
    outside: np.ndarray


def _bends(pixels: np.ndarray, mask: np.ndarray, near: np.ndarray) -> _Bends:
    """The bends of four pixels below each other."""
    steps = np.diff(pixels, axis=0)
    bends = steps[1:-1] - (steps[:-2] + steps[2:]) / 2
    parted = np.diff(mask, axis=0)
    outer_pairs_are_whole = ~parted[:-2] & ~parted[2:]
    border = outer_pairs_are_whole & parted[1:-1]
    beside = outer_pairs_are_whole & ~parted[1:-1] & near[1:-2] & near[2:-1]
    inwards = np.where(mask[2:-1], 1, -1)[..., None]
    sizes = np.abs(bends).mean(axis=-1)
    return _Bends(
        (bends * inwards)[border], np.argwhere(border), sizes[beside & mask[1:-2]], sizes[beside & ~mask[1:-2]]
    )


def _step(across: np.ndarray, places: np.ndarray) -> float | None:
    if not len(across):
        return None
    _, cells, counts = np.unique(places // CELL, axis=0, return_inverse=True, return_counts=True)
    used = np.flatnonzero(counts >= FEWEST)
    groups = [across[cells.reshape(-1) == cell] for cell in used] or [across]
    steps = [np.abs(np.median(group, axis=0)).mean() for group in groups]
    return float(np.average(steps, weights=[len(group) for group in groups]) / STEP)


def _grain(inside: np.ndarray, outside: np.ndarray) -> float | None:
    if not inside.size or not outside.size:
        return None
    first, second = (max(float(np.percentile(side, 25)), FLATTEST) for side in (inside, outside))
    return abs(float(np.log2(first / second))) / GRAIN


def _reach(mask: np.ndarray, axis: int) -> tuple[int, int]:
    """First and last index along an axis of the mask with its neighbourhood; other pixels are not needed."""
    places = np.flatnonzero(mask.any(axis=1 - axis))
    if not places.size:
        return 0, 0
    return max(int(places[0]) - NEIGHBOURHOOD - 2, 0), int(places[-1]) + NEIGHBOURHOOD + 3


def _near_border(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_dilation, binary_erosion

    if not mask.any():
        return mask
    grown = binary_dilation(mask, iterations=NEIGHBOURHOOD)
    return grown & ~binary_erosion(mask, iterations=NEIGHBOURHOOD, border_value=1)
