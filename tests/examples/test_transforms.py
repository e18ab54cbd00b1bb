"""Image and mask move together."""

import random
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from builder.encoding.images import encode_mask
from tests.examples.conftest import EXAMPLES

sys.path.append(str(EXAMPLES))
from transforms import augment, fit


def pair(width: int, height: int, value: int) -> tuple[Image.Image, Image.Image]:
    """A picture that is white where its mask has the class id, and black elsewhere."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 5 : height // 2, width // 3 : width // 2 + 3] = value
    grey = np.where(mask > 0, 255, 0).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB"), Image.fromarray(mask)


sizes = st.integers(24, 90)


@given(sizes, sizes, st.integers(1, 8), st.integers(0, 2**32))
def test_a_class_stays_on_its_pixels(width, height, value, seed):
    for image, mask in (
        fit(*pair(width, height, value), 48),
        augment(*pair(width, height, value), 48, random.Random(seed)),
    ):
        assert image.shape == (48, 48, 3)
        assert mask.shape == (48, 48)
        assert set(np.unique(mask)) <= {0, value}
        # smooth resizing blurs only along the border
        assert np.abs((mask > 0) - image[..., 0]).max() <= 0.75


def test_the_same_chance_gives_the_same_pair():
    one, other = (augment(*pair(80, 60, 3), 32, random.Random(7)) for _ in range(2))

    assert all(np.array_equal(first, second) for first, second in zip(one, other, strict=True))


def test_chances_differ():
    masks = [augment(*pair(80, 60, 3), 32, random.Random(seed))[1].tobytes() for seed in range(8)]

    assert len(set(masks)) > 4


def test_a_palette_mask_gives_class_ids(tmp_path):
    image, mask = pair(60, 60, 5)
    palette = Image.open(_file(tmp_path, encode_mask(np.asarray(mask))))

    assert np.array_equal(fit(image, palette, 60)[1], np.asarray(mask))


def _file(place, content: bytes):
    (place / "mask.png").write_bytes(content)
    return place / "mask.png"
