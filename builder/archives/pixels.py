"""Converts an imported image and its mask to the encoded bytes of a dataset row, without changing a pixel."""

import io
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from builder.archives.mask_labels import MaskLabels, read_values
from builder.encoding.images import encode_image, encode_mask

LARGEST_SIDE = 4096
BROKEN = "it cannot be read"
TOO_LARGE = "it is too large"
NOT_RGB = "it is not an opaque picture of 8 bits a channel"
SIZES_DIFFER = "image and mask differ in size"
NO_LABEL = "its mask holds a value without a label"

_DECODING_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError),
    *(IndexError, KeyError, TypeError, OverflowError),
)
_SIZE_AT, _DEPTH_AT = 16, 24
_PNG = b"\x89PNG\r\n\x1a\n"


class Unusable(ValueError):
    """A pair that cannot become a row.

    Attributes:
        reason: the kind of trouble.
        detail: more about it.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Encoded:
    """A pair as a shard holds it.

    Attributes:
        image: lossless WebP.
        mask: palette PNG of class ids.
        classes: the class ids in the mask, background left out, ascending.
    """

    image: bytes
    mask: bytes
    classes: tuple[int, ...]


def encode_pair(image: bytes, mask: bytes, labels: MaskLabels) -> Encoded:
    """Encodes a pair anew.

    Args:
        image: a PNG file.
        mask: a PNG file, as `mask_labels.read_values` reads it.

    Raises:
        Unusable: one of them is damaged, too large or of an odd kind, their sizes differ, or a value has no label.
    """
    pixels = _read_image(image)
    values = _read_mask(mask)
    if values.shape != pixels.shape[:2]:
        raise Unusable(
            SIZES_DIFFER, f"{pixels.shape[1]}x{pixels.shape[0]} and {values.shape[1]}x{values.shape[0]}"
        )
    try:
        classes = labels.to_classes(values)
    except ValueError as error:
        raise Unusable(NO_LABEL, str(error)) from error
    found = tuple(value for value in np.flatnonzero(np.bincount(classes.ravel())).tolist() if value)
    return Encoded(encode_image(pixels), encode_mask(classes), found)


def read_mask_values(mask: bytes) -> np.ndarray:
    """The values of a mask, (H, W) int64, to be named by `mask_labels.name`.

    Raises:
        Unusable: it is damaged, too large or of an odd kind.
    """
    return _read_mask(mask)


def _read_image(data: bytes) -> np.ndarray:
    """(H, W, 3) uint8."""
    _check_header(data, "image")
    if data[_DEPTH_AT] > 8:
        raise Unusable(NOT_RGB, f"the image has {data[_DEPTH_AT]} bits a channel")
    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as picture:
            picture.load()
            if picture.has_transparency_data:
                return _opaque(picture)
            return np.asarray(picture.convert("RGB"))
    except _DECODING_ERRORS as error:
        if isinstance(error, Unusable):
            raise
        raise Unusable(BROKEN, f"image: {error}") from error


def _opaque(picture: Image.Image) -> np.ndarray:
    channels = np.asarray(picture.convert("RGBA"))
    if (channels[..., 3] < 255).any():
        raise Unusable(NOT_RGB, "the image has transparent pixels")
    return np.ascontiguousarray(channels[..., :3])


def _read_mask(data: bytes) -> np.ndarray:
    _check_header(data, "mask")
    try:
        return read_values(data)
    except _DECODING_ERRORS as error:
        raise Unusable(BROKEN, f"mask: {error}") from error


def _check_header(data: bytes, what: str) -> None:
    """Looks at what a PNG file claims to be before anything of it is unpacked."""
    if data[: len(_PNG)] != _PNG or len(data) < 33:
        raise Unusable(BROKEN, f"the {what} is not a PNG file")
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (_SIZE_AT, _SIZE_AT + 4))
    if max(width, height) > LARGEST_SIDE:
        raise Unusable(TOO_LARGE, f"the {what} is {width}x{height}")
