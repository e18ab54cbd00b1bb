"""Computes the semantic and the binary mask of an image from the masks of its turns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from builder.encoding import palette_png
from builder.encoding.images import PALETTE_BYTES, decode_mask
from builder.encoding.palette_png import Packed


@dataclass(frozen=True)
class Turn:
    """One turn to be painted.

    Attributes:
        mask: its mask as an encoded palette PNG of 0 and 1.
        value: the label value of its generator, 1 to 8.
        name: what an error calls it.
    """

    mask: bytes
    value: int
    name: str


def _nibbles() -> np.ndarray:
    """For each byte of eight one-bit pixels, the four bytes of as many four-bit pixels: 15 where there was 1."""
    bits = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)
    return np.packbits(np.repeat(bits, 4, axis=1), axis=1).view("<u4").ravel()


_NIBBLES = _nibbles()


def paint(turns: Sequence[Turn], size: tuple[int, int]) -> tuple[bytes, bytes]:
    """The semantic and the binary mask, encoded. Where masks overlap the later turn wins.

    The masks stay packed, eight pixels a byte: at 1024x1024 that takes a quarter of the time.

    Args:
        turns: in order; none gives empty masks.
        size: width and height of the image.

    Raises:
        ValueError: a mask is damaged, empty, of another size or not of 0 and 1; the message names it.
    """
    width, height = size
    edited = np.zeros((height, (width + 7) // 8), np.uint8)
    classes = np.zeros(edited.shape, "<u4")
    for turn in turns:
        mask = _mask(turn, size)
        edited |= mask
        covered = np.take(_NIBBLES, mask)
        classes &= ~covered
        classes |= covered & np.uint32(0x11111111 * turn.value)
    semantic = Packed(width, 4, classes.view(np.uint8)[:, : (width + 1) // 2])
    return palette_png.write(semantic, PALETTE_BYTES), palette_png.write(Packed(width, 1, edited), PALETTE_BYTES)


def _mask(turn: Turn, size: tuple[int, int]) -> np.ndarray:
    """A turn's mask, one bit a pixel."""
    try:
        packed = palette_png.read(turn.mask)
        if packed is None or packed.depth != 1:
            packed = palette_png.pack(_zeros_and_ones(decode_mask(turn.mask)))
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{turn.name} cannot be read: {error}") from error
    if (packed.width, len(packed.rows)) != size:
        raise ValueError(f"{turn.name} is {packed.width}x{len(packed.rows)}, the image {size[0]}x{size[1]}")
    if not packed.rows.any():
        raise ValueError(f"{turn.name} is empty")
    return packed.rows


def _zeros_and_ones(mask: np.ndarray) -> np.ndarray:
    if mask.max() > 1:
        raise ValueError(f"it holds {mask.max()}, not 0 and 1")
    return mask.view(np.bool_)
