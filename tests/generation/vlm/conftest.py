"""Fixtures with questions to a VLM."""

import numpy as np
import pytest
from skimage import data

from generation.vlm.question import Picture
from generation.vlm.questions import image_question


@pytest.fixture
def question():
    """Makes a request for a score of a photograph, with a key of its own."""

    def make(key="score/a", examples=(), subject="s"):
        picture = Picture(f"turn-1/{key}.webp", lambda: np.ascontiguousarray(data.chelsea()[:112, :112]))
        return image_question(key, subject, picture, examples)

    return make
