"""Turn masks painted one over the other: the later turn wins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from builder.encoding.images import decode_mask, encode_mask
from builder.encoding.painting import Turn, paint
from diffseg30k import PALETTE


@st.composite
def turns(draw):
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    masks = draw(st.lists(arrays.arrays(np.bool_, shape), min_size=1, max_size=3))
    return [(mask, draw(st.integers(1, 8))) for mask in masks if mask.any()], shape


@given(turns())
def test_the_semantic_mask_is_the_turns_painted_and_the_binary_one_their_union(drawn):
    painted, shape = drawn
    expected = np.zeros(shape, np.uint8)
    for mask, value in painted:
        expected[mask] = value

    semantic, binary = paint([Turn(encode_mask(mask), value, "a") for mask, value in painted], shape[::-1])

    assert np.array_equal(decode_mask(semantic), expected)
    assert np.array_equal(decode_mask(binary), expected > 0)


def test_the_masks_are_those_that_the_encoder_makes():
    mask = np.zeros((33, 31), bool)
    mask[3:9, 5:20] = True
    semantic, binary = paint([Turn(encode_mask(mask), 6, "a")], (31, 33))
    assert semantic == encode_mask(mask * np.uint8(6))
    assert binary == encode_mask(mask)


def test_a_mask_in_another_encoding_is_painted_alike(tmp_path):
    mask = np.zeros((10, 10), np.uint8)
    mask[2:5, 2:5] = 1
    picture = Image.fromarray(mask)
    picture.putpalette([channel for colour in PALETTE for channel in colour])
    picture.save(tmp_path / "mask.png", interlace=1, bits=8)
    other = paint([Turn((tmp_path / "mask.png").read_bytes(), 3, "a")], (10, 10))
    assert other == paint([Turn(encode_mask(mask.astype(bool)), 3, "a")], (10, 10))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (encode_mask(np.zeros((10, 10), bool)), "is empty"),
        (encode_mask(np.ones((10, 9), bool)), "is 9x10, the image 10x10"),
        (encode_mask(np.full((10, 10), 5, np.uint8)), "holds 5"),
        (encode_mask(np.ones((10, 10), bool))[:-20], "cannot be read"),
        (b"not a picture", "cannot be read"),
        (b"", "cannot be read"),
    ],
)
def test_a_mask_that_is_none_is_named(data, problem):
    with pytest.raises(ValueError, match=f"turn-2/a.mask.png .*{problem}"):
        paint([Turn(data, 1, "turn-2/a.mask.png")], (10, 10))
