"""Zip archives where they lie: members read by range from a local file or a URL, damaged archives too."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, cast

from builder.archives.archive_file import open_file
from builder.archives.zip_scan import NEWEST_VERSION, Damage, read_local_header, scan
from builder.encoding.secrets import redact

MEMBER_LIMIT = 64 * 2**20
"""Bytes that a member may hold: an uncompressed 4096x4096 RGB picture, and room."""

NO_DIRECTORY = "the archive ends without a central directory: members at its end may be missing"
UNUSABLE_DIRECTORY = "the central directory cannot be used: members were found by their own headers"
PASSED_OVER = "a part of the archive is no member and was passed over"

_MEMBER_ERRORS = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError),
    *(RuntimeError, ValueError, OverflowError, OSError),
)
_DIRECTORY_ERRORS = (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError, OverflowError, OSError)


class MemberError(ValueError):
    """A member that cannot be read; the rest of the archive can."""


@dataclass(frozen=True)
class Archive:
    """An open archive.

    Attributes:
        url: its path or URL, without secrets.
        directory_error: why its central directory cannot be used, so that its members are found by reading from
            its beginning; empty where it can.
    """

    url: str
    directory_error: str
    _file: IO[bytes]
    _zip: zipfile.ZipFile | None
    _damage: Damage = field(default_factory=Damage)

    @property
    def cut(self) -> str | None:
        """The member that the end of a truncated archive cuts through, once `members` has come to it."""
        return self._damage.cut

    @property
    def count(self) -> int | None:
        """How many members there are; None where the central directory does not tell."""
        return None if self._zip is None else len(self._zip.infolist())

    def members(self) -> Iterator[zipfile.ZipInfo]:
        """The files in it, in the order in which they lie."""
        if self._zip is None:
            found: Iterable[zipfile.ZipInfo] = scan(self._file, self._damage)
        else:
            found = sorted(self._zip.infolist(), key=lambda info: info.header_offset)
        return (member for member in found if not (member.is_dir() and not member.file_size))

    def troubles(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the archive as a whole, once `members` has come to its end: reason and detail."""
        if self._zip is None:
            if self._damage.has_directory:
                yield UNUSABLE_DIRECTORY, self.directory_error
            elif not self.cut:
                yield NO_DIRECTORY, ""
        for begin, end in self._damage.passed_over:
            yield PASSED_OVER, f"bytes {begin:,} to {end:,}"

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
        except (MemberError, ConnectionError):
            raise
        except _MEMBER_ERRORS as error:
            if isinstance(error, OSError) and error.errno:  # of the disk; bz2 raises OSError without a number
                raise
            raise MemberError(str(error) or "it is damaged") from error
        if len(data) != member.file_size:
            raise MemberError(f"it unpacks to {len(data):,} bytes and not {member.file_size:,}")
        return data

    def _open(self, member: zipfile.ZipInfo) -> zipfile.ZipExtFile:
        if self._zip is not None:
            return cast(zipfile.ZipExtFile, self._zip.open(member))
        if member.flag_bits & 0x1:
            raise MemberError("it is encrypted")
        if member.extract_version > NEWEST_VERSION:
            raise MemberError(f"it needs version {member.extract_version / 10} of the zip format")
        read_local_header(self._file, member.header_offset)
        return zipfile.ZipExtFile(self._file, "r", member)


@contextmanager
def open_archive(url: str) -> Iterator[Archive]:
    """Opens a zip archive: a path, or a URL that fsspec reads, such as `https://` or `hf://`.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is not a zip archive.
    """
    with open_file(url) as file:
        trouble, opened = "", None
        try:
            opened = zipfile.ZipFile(file)
        except ConnectionError:
            raise
        except _DIRECTORY_ERRORS as error:
            trouble = str(error) or "it is damaged"
            if next(scan(file, Damage()), None) is None:
                raise ValueError(f"{redact(url)} is not a zip archive: {trouble}") from error
        yield Archive(redact(url), trouble, file, opened)
