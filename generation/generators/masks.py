"""The mask that a generator is given: a region grown outward to the cells in which the generator paints.

A generator paints whole cells: a latent's pixels, a transformer's patch, a pixel of GLIDE's base model. Every
cell that the region touches is painted, so each pixel that is spliced by the exact region is one that the model
painted. Left to the pipelines, masks shrink by nearest neighbour, and thin parts of a region are lost.
"""

import numpy as np


def touched_cells(mask: np.ndarray, cells: int) -> np.ndarray:
    """The cells that a region touches, of `cells` by `cells` equal ones.

    Args:
        mask: (S, S) bool; S may be smaller or larger than `cells`, and need not be a multiple.

    Returns:
        (cells, cells) bool.
    """
    side = mask.shape[0]
    if side == cells:
        return mask
    old, new = np.arange(side) * cells, np.arange(cells)[:, None] * side
    overlap = ((old < new + side) & (new < old + cells)).astype(np.float32)
    return overlap @ mask.astype(np.float32) @ overlap.T > 0


def grown_to_grid(mask: np.ndarray, side: int, cell: int) -> np.ndarray:
    """A region's mask for a generator: every cell that the region touches.

    Args:
        mask: (S, S) bool, the region at the image's side.
        side: height and width of the generator's images, in pixels.
        cell: height and width of the generator's cells, in pixels; divides `side`.

    Returns:
        (side, side) bool, constant in each cell.

    Raises:
        ValueError: `cell` does not divide `side`.
    """
    if side % cell:
        raise ValueError(f"cells of {cell} pixels do not divide images of {side}")
    return touched_cells(mask, side // cell).repeat(cell, axis=0).repeat(cell, axis=1)


def dilated(mask: np.ndarray, share: float) -> np.ndarray:
    """A region and all pixels within a distance of it: what a model paints that removes an object.

    The pixels left at an object's edge, and its shadow, make a model paint the object again.

    Args:
        mask: (S, S) bool with at least one true pixel.
        share: of the region's size, which is the square root of its area; 0 or more.

    Returns:
        (S, S) bool.
    """
    from scipy.ndimage import distance_transform_edt

    radius = share * float(np.sqrt(mask.sum()))
    return mask if radius < 1 else distance_transform_edt(~mask) <= radius
