"""Writes files and folders atomically: whole or not at all, also after a power failure.

Each is written under a temporary name in the same folder, flushed to the disk, and renamed.
"""

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Iterator

_FULL = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file is larger than this process may write",
}
"""Errors whose own message names no path, since they come of writing to an open file."""

UNFINISHED = ".tmp"
"""The suffix of what is still being written."""


@contextlib.contextmanager
def whole_file(file: str | os.PathLike[str]) -> Iterator[str]:
    """A context in which a file is written; it appears when the context ends, and not if it ends by an exception.

    Args:
        file: a local path. Its folder is made; an existing file is replaced.

    Yields:
        The temporary path to write to.
    """
    place = os.fspath(file)
    folder = os.path.dirname(place) or "."
    os.makedirs(folder, exist_ok=True)
    temporary = f"{place}.{uuid.uuid4().hex}{UNFINISHED}"
    try:
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, place)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise OSError(error.errno, f"{_FULL[error.errno]}; nothing finished is lost", place) from error
        raise
    _to_disk(folder)


def move_whole(source: str | os.PathLike[str], place: str | os.PathLike[str]) -> None:
    """Moves a finished file of the same file system to its place, whose folder is made, after flushing it to the
    disk."""
    folder = os.path.dirname(os.fspath(place)) or "."
    os.makedirs(folder, exist_ok=True)
    _to_disk(os.fspath(source))
    os.replace(source, place)
    _to_disk(folder)


def write_whole(file: str | os.PathLike[str], data: bytes) -> None:
    """Writes a local file atomically; its folder is made."""
    with whole_file(file) as temporary, open(temporary, "wb") as opened:
        opened.write(data)


@contextlib.contextmanager
def whole_folder(folder: str | os.PathLike[str], replace: bool = False) -> Iterator[str]:
    """A context in which a folder is filled; it appears when the context ends, and not if it ends by an exception.

    Args:
        folder: a local path, whose parent is made.
        replace: whether an existing folder is replaced; if not, a folder made by another process is kept.

    Yields:
        The temporary folder to fill.
    """
    place = os.fspath(folder)
    temporary = f"{place}.{uuid.uuid4().hex}{UNFINISHED}"
    os.makedirs(temporary)
    try:
        yield temporary
        for parent, _, names in os.walk(temporary):
            for name in names:
                _to_disk(os.path.join(parent, name))
        if replace:
            shutil.rmtree(place, ignore_errors=True)
        try:
            os.replace(temporary, place)
        except OSError:
            if replace or not os.path.isdir(place):
                raise
            shutil.rmtree(temporary)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    _to_disk(os.path.dirname(place) or ".")


def _to_disk(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems have it for files only, or not at all
        pass
    finally:
        os.close(descriptor)
