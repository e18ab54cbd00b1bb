"""Measures how much of a mask an edit changed, and whether its changes lie inside its mask."""

import numpy as np

CHANGED = 16
"""Levels of 255. A pixel counts as changed if a channel differs by more; an autoencoder's own error is smaller."""


def coverage(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> float | None:
    """The share of the changed pixels that lie inside the mask.

    Args:
        before: (H, W, 3) uint8, before the edit.
        after: the same after it.
        mask: (H, W) bool.

    Returns:
        0 to 1, exactly 1 for a spliced edit; None if no pixel changed by more than CHANGED.
    """
    changed = _changed(before, after)
    total = int(np.count_nonzero(changed))
    return int(np.count_nonzero(changed & mask)) / total if total else None


def changed_share(before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> float | None:
    """The share of the mask's pixels that changed.

    Args:
        before: (H, W, 3) uint8, before the edit.
        after: the same after it.
        mask: (H, W) bool.

    Returns:
        0 to 1; None if the mask is empty.
    """
    area = int(np.count_nonzero(mask))
    return int(np.count_nonzero(_changed(before, after) & mask)) / area if area else None


def _changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return (np.maximum(before, after) - np.minimum(before, after) > CHANGED).any(axis=-1)
