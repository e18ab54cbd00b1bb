"""The Fréchet distance (Dowson and Landau 1982) between the small patches of two sets of pictures."""

from collections.abc import Iterable

import numpy as np

PATCH = 8
STRIDE = 4
"""Pixels."""


def coefficients(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The discrete cosine transforms of the patches that lie inside a mask.

    Args:
        image: (H, W, 3) uint8.
        mask: (H, W) bool.

    Returns:
        (N, PATCH * PATCH * 3) float64, orthonormal transforms of levels of 0 to 1.
    """
    from numpy.lib.stride_tricks import sliding_window_view
    from scipy.fft import dctn

    inside = sliding_window_view(mask, (PATCH, PATCH))[::STRIDE, ::STRIDE].all(axis=(-1, -2))
    windows = sliding_window_view(image / 255, (PATCH, PATCH), axis=(0, 1))[::STRIDE, ::STRIDE]
    return dctn(windows[inside], axes=(-1, -2), norm="ortho").reshape(-1, PATCH * PATCH * 3)


def frechet(first: Iterable[np.ndarray], second: Iterable[np.ndarray]) -> float:
    """The distance between normal distributions fitted to two sets of (N, C) coefficients; 0 for the same."""
    from scipy.linalg import sqrtm

    one, other = np.concatenate(list(first)), np.concatenate(list(second))
    apart = one.mean(axis=0) - other.mean(axis=0)
    spread, other_spread = np.cov(one.T), np.cov(other.T)
    mixed = np.real(sqrtm(spread @ other_spread))
    return float(apart @ apart + np.trace(spread) + np.trace(other_spread) - 2 * np.trace(mixed))
