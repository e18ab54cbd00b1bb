"""Draws a figure only if its content has changed since the existing file was drawn.

Drawing takes seconds, and a push often needs the same figure that is in the dataset's folder.
"""

import hashlib
import struct
import zlib
from collections.abc import Callable, Iterable
from importlib.metadata import version

FORMAT = "2"
"""To be raised whenever figures of the same content are drawn otherwise."""

_AFTER_HEADER = 33
"""Length in bytes of a PNG's signature and header chunk."""


def draw_once(path: str, parts: Iterable[bytes], draw: Callable[[], bytes]) -> bytes:
    """Returns the PNG at `path` if it was drawn from the same parts, else draws a new one.

    Args:
        path: path of an earlier figure, which need not exist.
        parts: everything that the figure depends on.
        draw: draws the figure as PNG.
    """
    mark = _mark(parts)
    try:
        with open(path, "rb") as file:
            there = file.read()
    except (OSError, ValueError):
        there = b""
    if there[_AFTER_HEADER:].startswith(mark):
        return there
    png = draw()
    return png[:_AFTER_HEADER] + mark + png[_AFTER_HEADER:]


def _mark(parts: Iterable[bytes]) -> bytes:
    """A PNG text chunk with a digest of the figure's parts, FORMAT and the version of matplotlib."""
    digest = hashlib.blake2b(f"{FORMAT} {version('matplotlib')}".encode(), digest_size=16)
    for part in parts:
        digest.update(hashlib.blake2b(part, digest_size=16).digest())
    content = b"tEXtComment\0drawn from " + digest.hexdigest().encode()
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
