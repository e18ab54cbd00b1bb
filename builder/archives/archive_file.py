"""Opens the file of an archive for reading by ranges: a local one, or one behind a URL."""

import io
import os
from typing import IO, TYPE_CHECKING, cast

import fsspec
from fsspec.implementations.local import LocalFileSystem

from builder.encoding.secrets import redact
from builder.hub.retry import retried

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer as Buffer

BLOCK_BYTES = 8 * 2**20


def open_file(url: str) -> IO[bytes]:
    """The file at a path, or at a URL that fsspec reads.

    Raises:
        FileNotFoundError: there is none.
        ValueError: its server does not send ranges.
        ConnectionError: raised by a later read that failed several times.
    """
    filesystem, path = fsspec.core.url_to_fs(url)
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
