"""Images and masks survive their encoding to the last bit."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from skimage import data

from builder.encoding.images import decode_image, decode_mask, encode_image, encode_mask
from diffseg30k import PALETTE

SIDES = st.integers(1, 40)


@given(arrays.arrays(np.uint8, st.tuples(SIDES, SIDES, st.just(3))))
def test_an_image_comes_back_bit_for_bit(image):
    assert np.array_equal(decode_image(encode_image(image)), image)


def test_a_photograph_comes_back_bit_for_bit_from_lossless_webp():
    photograph = data.astronaut()
    encoded = encode_image(photograph)

    assert Image.open(io.BytesIO(encoded)).format == "WEBP"
    assert np.array_equal(decode_image(encoded), photograph)
    assert len(encoded) < photograph.nbytes


@given(arrays.arrays(np.uint8, st.tuples(SIDES, SIDES), elements=st.integers(0, 8)))
def test_a_mask_comes_back_as_class_ids(mask):
    assert np.array_equal(decode_mask(encode_mask(mask)), mask)


def test_a_mask_is_a_palette_png_in_the_classes_colours():
    mask = np.arange(9, dtype=np.uint8).reshape(3, 3)
    picture = Image.open(io.BytesIO(encode_mask(mask)))

    assert (picture.format, picture.mode) == ("PNG", "P")
    assert np.array_equal(np.asarray(picture), mask)
    assert np.array_equal(np.asarray(picture.convert("RGB")).reshape(-1, 3), PALETTE)


@pytest.mark.parametrize("mask", [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2)), np.full((2, 2), 9, np.uint8)])
def test_what_is_no_mask_is_refused(mask):
    with pytest.raises(ValueError, match="a mask"):
        encode_mask(mask)


@pytest.mark.parametrize("image", [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 3)), np.zeros((2, 2, 4), np.uint8)])
def test_what_is_no_image_is_refused(image):
    with pytest.raises(ValueError, match="an image"):
        encode_image(image)


def test_a_grey_png_is_not_taken_for_a_mask():
    out = io.BytesIO()
    Image.new("L", (4, 4)).save(out, "PNG")
    with pytest.raises(ValueError, match="mode L"):
        decode_mask(out.getvalue())
