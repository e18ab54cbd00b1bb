"""Reads the size of an image from a WebP file's header; Pillow would read the whole file."""

from collections.abc import Iterator

_LOSSLESS, _LOSSY = b"VP8L", b"VP8 "
_PIXELS_AT = 20


def lossless_size(data: bytes) -> tuple[int, int]:
    """Width and height of a plain lossless WebP file, as `encode_image` makes it.

    See "Specification for WebP Lossless Bitstream", section 3.

    Raises:
        ValueError: the file is cut, or of another kind.
    """
    if data[:4] != b"RIFF" or data[8:16] != b"WEBP" + _LOSSLESS or data[_PIXELS_AT : _PIXELS_AT + 1] != b"\x2f":
        raise ValueError("it is not a lossless WebP file")
    if len(data) < 8 + int.from_bytes(data[4:8], "little"):
        raise ValueError("it is cut")
    sizes = int.from_bytes(data[_PIXELS_AT + 1 : _PIXELS_AT + 5], "little")
    return (sizes & 0x3FFF) + 1, (sizes >> 14 & 0x3FFF) + 1


def is_lossless(data: bytes) -> bool:
    """Whether the pixels of a WebP file, plain or extended, are stored without loss."""
    names = set(_chunks(data))
    return _LOSSLESS in names and _LOSSY not in names


def _chunks(data: bytes) -> Iterator[bytes]:
    offset = 12
    while offset + 8 <= len(data):
        yield data[offset : offset + 4]
        size = int.from_bytes(data[offset + 4 : offset + 8], "little")
        offset += 8 + size + size % 2
