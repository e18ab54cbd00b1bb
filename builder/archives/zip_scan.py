"""Reads the members of a zip archive whose central directory is missing or damaged, by their local headers."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_SIZES_FOLLOW = 0x08
_UTF8 = 0x800
_LOCAL = b"PK\x03\x04"
_AFTER_MEMBERS = (b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x06\x08")
"""What may follow the last member: the central directory and records beside it."""

_PIECE = 2**20
NEWEST_VERSION = 63
"""Of the zip format, times ten, that is read here."""


@dataclass
class Damage:
    """What a scan finds besides members.

    Attributes:
        cut: the name of the member that the end of the archive cuts through.
        passed_over: begin and end, in bytes, of what is neither a member nor what may follow the last one.
        has_directory: whether there is something like a central directory.
    """

    cut: str | None = None
    passed_over: list[tuple[int, int]] = field(default_factory=list)
    has_directory: bool = False


def scan(file: IO[bytes], damage: Damage) -> Iterator[zipfile.ZipInfo]:
    """The members of an archive in the order in which they lie.

    Args:
        file: the archive.
        damage: is filled as the scan goes on.
    """
    offset, end = 0, file.seek(0, 2)
    while offset < end:
        member = read_local_header(file, offset)
        if member is None:
            if _signature(file, offset) in _AFTER_MEMBERS:
                damage.has_directory = True
                return
            following = _find_header(file, offset, end)
            damage.passed_over.append((offset, end if following is None else following))
            if following is None:
                return
            offset = following
            continue
        data = file.tell()
        expected = _measure(file, member) if _is_measured(member) else data + member.compress_size
        if expected is not None and _is_border(file, expected, end):
            offset = expected
        else:  # the header's size is wrong, the member is cut, or something else lies between
            following = _find_header(file, data, end)
            if following is None and (expected is None or expected > end):
                damage.cut = name_of(member)
                return
            known = data if expected is None else expected
            if following is None or following > known:
                damage.passed_over.append((min(known, end), end if following is None else following))
            offset = end if following is None else following
        yield member


def name_of(member: zipfile.ZipInfo) -> str:
    """The whole name of a member; `ZipInfo.filename` ends at a zero byte."""
    return member.orig_filename


def read_local_header(file: IO[bytes], offset: int) -> zipfile.ZipInfo | None:
    """The member whose header is at `offset`, leaving `file` at its data; None where there is no header."""
    file.seek(offset)
    raw = file.read(_LOCAL_HEADER.size)
    if len(raw) < _LOCAL_HEADER.size or raw[:4] != _LOCAL:
        return None
    _, version, flags, method, _, _, checksum, packed, unpacked, name_size, extra_size = _LOCAL_HEADER.unpack(raw)
    name, extra = file.read(name_size), file.read(extra_size)
    if not name or len(name) < name_size or len(extra) < extra_size:
        return None
    member = zipfile.ZipInfo(name.decode("utf-8" if flags & _UTF8 else "cp437", errors="surrogateescape"))
    member.header_offset, member.extract_version, member.flag_bits = offset, version, flags
    member.compress_type, member.CRC = method, checksum
    member.file_size, member.compress_size = _long_sizes(extra, unpacked, packed)
    return member


def _signature(file: IO[bytes], offset: int) -> bytes:
    file.seek(offset)
    return file.read(4)


def _is_measured(member: zipfile.ZipInfo) -> bool:
    """Whether a member's sizes come after its data."""
    return bool(member.flag_bits & _SIZES_FOLLOW) and not member.compress_size


def _is_border(file: IO[bytes], offset: int, end: int) -> bool:
    """Whether a member may end at `offset`."""
    return offset == end or (offset < end and _signature(file, offset) in (_LOCAL, *_AFTER_MEMBERS))


def _find_header(file: IO[bytes], start: int, end: int) -> int | None:
    """Where the next header is that can be one: it has a name, and a version that there is."""
    offset = start
    while offset < end:
        file.seek(offset)
        piece = file.read(_PIECE + 3)
        at = piece.find(_LOCAL)
        if at < 0:
            offset += _PIECE
            continue
        found = read_local_header(file, offset + at)
        if found and found.extract_version <= NEWEST_VERSION:
            return offset + at
        offset += at + 4
    return None


def _long_sizes(extra: bytes, unpacked: int, packed: int) -> tuple[int, int]:
    """The sizes of a member, from the Zip64 field where they need more than 32 bits."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<2H", extra)
        if kind == 1 and size >= 16 and 0xFFFFFFFF in (unpacked, packed):
            return struct.unpack_from("<2Q", extra, 4)
        extra = extra[4 + size :]
    return unpacked, packed


def _measure(file: IO[bytes], member: zipfile.ZipInfo) -> int | None:
    """Finds the sizes of a deflated member that its header does not tell.

    Returns:
        The offset after it; None if the file ends before, or its end cannot be found.
    """
    if member.compress_type != zipfile.ZIP_DEFLATED:
        return None
    start = file.tell()
    inflate, checksum, unpacked, packed = zlib.decompressobj(-zlib.MAX_WBITS), 0, 0, 0
    while not inflate.eof:
        chunk = inflate.unconsumed_tail or file.read(2**16)
        if not chunk:
            return None
        piece = inflate.decompress(chunk, 2**20)
        packed += len(chunk) - len(inflate.unconsumed_tail) - len(inflate.unused_data)
        checksum, unpacked = zlib.crc32(piece, checksum), unpacked + len(piece)
    file.seek(start + packed)
    descriptor = file.read(24)
    skip = 4 if descriptor[:4] == b"PK\x07\x08" else 0
    member.CRC, member.file_size, member.compress_size = checksum, unpacked, packed
    # the descriptor's sizes take 8 bytes each in a Zip64 archive: the next signature decides which
    for size in (skip + 12, skip + 20):
        if descriptor[size : size + 2] == b"PK" or len(descriptor) == size:
            return start + packed + size
    return None
