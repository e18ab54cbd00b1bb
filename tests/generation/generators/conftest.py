"""A photograph, a mask, and one thread, so that results repeat."""

import numpy as np
import pytest
from skimage import data

SIDE = 128


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def square() -> np.ndarray:
    """A (128, 128, 3) photograph."""
    return np.ascontiguousarray(data.astronaut()[:SIDE, 140 : 140 + SIDE])
