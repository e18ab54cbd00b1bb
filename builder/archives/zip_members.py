"""Zip archives where they lie: members read by range from a local file or a URL, truncated archives too."""

import io
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from builder.hub.retry import retried
from builder.hub.secrets import redact

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

BLOCK_BYTES = 8 * 2**20
MEMBER_LIMIT = 64 * 2**20
"""Bytes that a member may hold: an uncompressed 4096x4096 RGB picture, and room."""

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_SIZES_FOLLOW = 0x08


class MemberError(ValueError):
    """A member that cannot be read; the rest of the archive can."""


@dataclass(frozen=True)
class Archive:
    """An open archive.

    Attributes:
        url: its path or URL, without secrets.
        truncated: its end is missing, so its members are found by reading from its beginning.
    """

    url: str
    truncated: bool
    _file: IO[bytes]
    _zip: zipfile.ZipFile | None
    _cut: list[str] = field(default_factory=list)

    @property
    def cut(self) -> str | None:
        """The member that the end of a truncated archive cuts through, once `members` has come to it."""
        return self._cut[0] if self._cut else None

    @property
    def count(self) -> int | None:
        """How many members there are; None in a truncated archive."""
        return None if self._zip is None else len(self._zip.infolist())

    def members(self) -> Iterator[zipfile.ZipInfo]:
        """The files in it, in the order in which they lie."""
        if self._zip is None:
            yield from self._scan()
        else:
            yield from sorted(
                (info for info in self._zip.infolist() if not info.is_dir()), key=lambda info: info.header_offset
            )

    def read(self, member: zipfile.ZipInfo) -> bytes:
        """The bytes of a member, checked against its checksum.

        Raises:
            MemberError: it is damaged, encrypted, compressed in an unknown way, or larger than MEMBER_LIMIT.
        """
        if member.file_size > MEMBER_LIMIT:
            raise MemberError(f"it would unpack to {member.file_size:,} bytes")
        try:
            with self._open(member) as stream:
                data = stream.read(member.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise MemberError(str(error) or "it is damaged") from error
        if len(data) != member.file_size:
            raise MemberError(f"it unpacks to {len(data):,} bytes and not {member.file_size:,}")
        return data

    def _open(self, member: zipfile.ZipInfo) -> zipfile.ZipExtFile:
        if self._zip is not None:
            return cast(zipfile.ZipExtFile, self._zip.open(member))
        if member.flag_bits & 0x1:
            raise MemberError("it is encrypted")
        _read_local_header(self._file, member.header_offset)
        return zipfile.ZipExtFile(self._file, "r", member)

    def _scan(self) -> Iterator[zipfile.ZipInfo]:
        offset, end = 0, self._file.seek(0, 2)
        while (member := _read_local_header(self._file, offset)) is not None:
            data = self._file.tell()
            if member.flag_bits & _SIZES_FOLLOW and not member.compress_size:
                following = _measure(self._file, member)
            else:
                following = data + member.compress_size
            if following is None or following > end:
                self._cut.append(member.filename)
                return
            if not member.is_dir():
                yield member
            offset = following


@contextmanager
def open_archive(url: str) -> Iterator[Archive]:
    """Opens a zip archive: a path, or a URL that fsspec reads, such as `https://` or `hf://`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not a zip archive.
    """
    filesystem, path = fsspec.core.url_to_fs(url)
    with _open_file(filesystem, path, url) as file:
        try:
            opened: zipfile.ZipFile | None = zipfile.ZipFile(file)
        except zipfile.BadZipFile as error:
            if _read_local_header(file, 0) is None:
                raise ValueError(f"{redact(url)} is not a zip archive: {error}") from error
            opened = None
        yield Archive(redact(url), opened is None, file, opened)


def _open_file(filesystem: fsspec.AbstractFileSystem, path: str, url: str) -> IO[bytes]:
    if isinstance(filesystem, LocalFileSystem):
        if not os.path.isfile(path):
            raise FileNotFoundError(f"there is no archive at {path}")
        return open(path, "rb")
    try:
        file = filesystem.open(path, "rb", block_size=BLOCK_BYTES, cache_type="readahead")
    except FileNotFoundError as error:
        raise FileNotFoundError(f"there is no archive at {redact(url)}") from error
    if not file.seekable():
        raise ValueError(f"{redact(url)} cannot be read by ranges: download it and import the file")
    return cast(IO[bytes], io.BufferedReader(_Patient(file, redact(url))))


class _Patient(io.RawIOBase):
    """A remote file whose reads are tried again when the connection breaks."""

    def __init__(self, file: fsspec.spec.AbstractBufferedFile, url: str) -> None:
        self._file = file
        self._url = url

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def readinto(self, buffer: "Buffer") -> int:
        view = memoryview(buffer)
        data = self._read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _read(self, size: int) -> bytes:
        start = self._file.tell()

        def read() -> bytes:
            self._file.seek(start)
            return self._file.read(size)

        try:
            # which errors may pass, depends on the file system and its HTTP client
            return retried(read, lambda _: True)
        except Exception as error:
            what = redact(str(error)) or type(error).__name__
            raise ConnectionError(f"{self._url} cannot be read ({what}); try again to go on") from error


def _read_local_header(file: IO[bytes], offset: int) -> zipfile.ZipInfo | None:
    """The member whose header is at `offset`, leaving `file` at its data; None where there is no header."""
    file.seek(offset)
    raw = file.read(_LOCAL_HEADER.size)
    if len(raw) < _LOCAL_HEADER.size or raw[:4] != b"PK\x03\x04":
        return None
    _, version, flags, method, _, _, checksum, packed, unpacked, name_size, extra_size = _LOCAL_HEADER.unpack(raw)
    name = file.read(name_size)
    extra = file.read(extra_size)
    member = zipfile.ZipInfo(name.decode("utf-8" if flags & 0x800 else "cp437", errors="replace"))
    member.header_offset, member.extract_version, member.flag_bits = offset, version, flags
    member.compress_type, member.CRC = method, checksum
    member.file_size, member.compress_size = _long_sizes(extra, unpacked, packed)
    return member


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
