"""A photograph with a disk on it, the region of an edit."""

import numpy as np
from skimage import data, draw

PHOTOGRAPH = np.ascontiguousarray(data.chelsea()[:256, 100:356])


def disk(radius: int = 40, centre: tuple[int, int] = (128, 128)) -> np.ndarray:
    mask = np.zeros((256, 256), bool)
    mask[draw.disk(centre, radius, shape=mask.shape)] = True
    return mask


def pasted(levels: int) -> np.ndarray:
    """The photograph with the disk made brighter."""
    brighter = np.clip(PHOTOGRAPH.astype(int) + levels, 0, 255).astype(np.uint8)
    return np.where(disk()[..., None], brighter, PHOTOGRAPH)
