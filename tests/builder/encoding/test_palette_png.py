"""Our PNG codec for masks agrees with Pillow's, and leaves to it what is not ours."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from builder.encoding import palette_png
from builder.encoding.images import PALETTE_BYTES, decode_mask, encode_mask

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))
MASKS = st.one_of(
    arrays.arrays(np.bool_, SHAPES),
    arrays.arrays(np.uint8, SHAPES, elements=st.integers(0, 15)),
)


def written(mask):
    return palette_png.write(palette_png.pack(mask), PALETTE_BYTES)


@given(MASKS)
def test_pillow_reads_what_is_written(mask):
    with Image.open(io.BytesIO(written(mask))) as picture:
        picture.verify()
    picture = Image.open(io.BytesIO(written(mask)))
    assert picture.mode == "P"
    assert np.array_equal(np.asarray(picture), mask)


@given(MASKS)
def test_what_is_written_is_read(mask):
    values = palette_png.unpack(palette_png.read(written(mask)))
    assert values.dtype == np.uint8
    assert np.array_equal(values, mask)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_a_mask_that_pillow_wrote_is_read_as_well(bits):
    mask = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
    picture = Image.fromarray(mask)
    picture.putpalette(PALETTE_BYTES)
    out = io.BytesIO()
    picture.save(out, "PNG", bits=bits, optimize=True)
    assert np.array_equal(decode_mask(out.getvalue()), mask)


def test_what_is_no_png_is_none_of_its_business():
    assert palette_png.read(b"GIF89a") is None
    assert palette_png.read(b"") is None


@given(st.data())
def test_a_damaged_mask_is_never_taken_for_another(data):
    mask = np.eye(20, dtype=bool)
    encoded = bytearray(encode_mask(mask))
    position = data.draw(st.integers(0, len(encoded) - 1))
    encoded[position] ^= data.draw(st.integers(1, 255))
    try:
        values = decode_mask(bytes(encoded))
    except (ValueError, OSError, SyntaxError):
        return
    assert np.array_equal(values, mask)


@pytest.mark.parametrize("kept", [0, 1, 8, 30, 60, -1, -13])
def test_a_cut_mask_is_refused(kept):
    encoded = encode_mask(np.eye(20, dtype=bool))
    with pytest.raises((ValueError, OSError)):
        decode_mask(encoded[:kept])


def test_what_unpacks_to_more_than_its_header_says_is_cut_off_there():
    header = struct.pack(">IIBBBBB", 8, 1, 1, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", bytes(6)), (b"IDAT", zlib.compress(bytes(50_000_000))), (b"IEND", b""))
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )
    assert decode_mask(bomb).shape == (1, 8)
