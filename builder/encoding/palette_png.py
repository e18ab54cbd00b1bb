"""Encodes and decodes masks as palette PNGs, several times faster than Pillow; most of a pack's time is masks.

Pillow handles one byte per pixel and shifts the bits of each; here NumPy packs and unpacks whole rows. A PNG of
another form than the written one is decoded by Pillow.
"""

import struct
import zlib
from dataclasses import dataclass

import numpy as np

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
_INDEXED = 3


@dataclass(frozen=True)
class Packed:
    """A mask as PNG packs it.

    Attributes:
        width: in pixels.
        depth: bits a pixel, 1 or 4.
        rows: (H, W * depth / 8, rounded up) uint8; the leftmost pixel is in a byte's highest bits.
    """

    width: int
    depth: int
    rows: np.ndarray


def pack(mask: np.ndarray) -> Packed:
    """Packs a (H, W) mask: one bit a pixel for bool, four for uint8 values 0 to 15."""
    width = mask.shape[1]
    if mask.dtype == np.bool_:
        return Packed(width, 1, np.packbits(mask, axis=1))
    even = np.ascontiguousarray(mask if width % 2 == 0 else np.pad(mask, ((0, 0), (0, 1))))
    pairs = even.view("<u2")
    return Packed(width, 4, ((pairs << 4) | (pairs >> 8)).astype(np.uint8))


def unpack(packed: Packed) -> np.ndarray:
    """The (H, W) uint8 values of a packed mask."""
    if packed.depth == 1:
        return np.unpackbits(packed.rows, axis=1, count=packed.width)
    pairs = packed.rows.astype("<u2")
    pairs = (pairs >> 4) | ((pairs & 15) << 8)
    return np.ascontiguousarray(pairs.view(np.uint8)[:, : packed.width])


def write(packed: Packed, palette: bytes) -> bytes:
    """A packed mask as a PNG file.

    Args:
        palette: the RGB colours of the values, three bytes each; those beyond the depth are left out.
    """
    height, row_bytes = packed.rows.shape
    rows = np.zeros((height, 1 + row_bytes), np.uint8)  # before each row PNG's filter byte: 0 for none
    rows[:, 1:] = packed.rows
    compressor = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_RLE)
    pixels = compressor.compress(rows.data) + compressor.flush()
    header = _HEADER.pack(packed.width, height, packed.depth, _INDEXED, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette[: 3 << packed.depth]), (b"IDAT", pixels), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in chunks)


def read(data: bytes) -> Packed | None:
    """The mask of a PNG file that `write` made; None for a file of another form.

    Raises:
        ValueError: the file is cut or damaged.
    """
    chunks = _chunks(data)
    if chunks is None or list(chunks) != [b"IHDR", b"PLTE", b"IDAT", b"IEND"]:
        return None
    width, height, depth, kind, *rest = _HEADER.unpack(chunks[b"IHDR"])
    if kind != _INDEXED or depth not in (1, 4) or any(rest):
        return None
    row_bytes = 1 + (width * depth + 7) // 8
    try:
        # Limits the output to the size in the header.
        pixels = zlib.decompressobj().decompress(chunks[b"IDAT"], height * row_bytes)
    except zlib.error as error:
        raise ValueError(f"a damaged PNG: {error}") from error
    if len(pixels) != height * row_bytes:
        raise ValueError("a PNG that is cut")
    rows = np.frombuffer(pixels, np.uint8).reshape(height, row_bytes)
    return None if rows[:, 0].any() else Packed(width, depth, rows[:, 1:])


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _chunks(data: bytes) -> dict[bytes, bytes] | None:
    """Chunk name to content; None where there is no PNG, or a name comes twice.

    Raises:
        ValueError: a chunk is cut or its checksum wrong.
    """
    if data[:8] != _SIGNATURE:
        return None
    chunks: dict[bytes, bytes] = {}
    offset = 8
    while offset < len(data):
        if offset + 12 > len(data):
            raise ValueError("a PNG that is cut")
        (size,) = struct.unpack_from(">I", data, offset)
        name, content = data[offset + 4 : offset + 8], data[offset + 8 : offset + 8 + size]
        if data[offset + 8 + size : offset + 12 + size] != struct.pack(">I", zlib.crc32(name + content)):
            raise ValueError(f"a PNG that is cut or damaged in its chunk {name!r}")
        if name in chunks:
            return None
        chunks[name] = content
        offset += 12 + size
    return chunks
