"""Copies the shards of a dataset without their images, so that rows can be checked without downloading images.

Each copy is a sparse file of the shard's size that holds only the footer and the column chunks without images. It
reads like the shard, except that image bytes are zeros.
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from builder.dataset.directory import Shard
from builder.hub.repository import HubDataset, Snapshot

FOOTER_GUESS = 64 * 2**10
GAP = 128 * 2**10
"""Ranges closer to each other than this are read as one: a request costs more than the bytes between them."""
REQUESTS = 32


@dataclass(frozen=True)
class Origin:
    """Where a shard is read.

    Attributes:
        path: its path in the folder of copies, such as `data/train/edited/0123456789abcdef.parquet`.
        filesystem: the filesystem of the shard.
        location: its path there.
        size: bytes.
        label: its name in error messages.
    """

    path: str
    filesystem: fsspec.AbstractFileSystem
    location: str
    size: int
    label: str


class _Readable(Protocol):
    def seek(self, offset: int, /) -> int: ...
    def read(self, size: int, /) -> bytes: ...
    def close(self) -> None: ...


def copy_metadata(folder: str, origins: Sequence[Origin], progress: bool = False) -> None:
    """Copies the metadata of shards into a folder; copies that exist are kept.

    Raises:
        ValueError: a shard is not a Parquet file.
    """
    missing = [origin for origin in origins if not os.path.exists(_file(folder, origin))]
    with (
        tqdm(total=len(missing), unit="shard", desc="Reading metadata", disable=not progress or None) as bar,
        ThreadPoolExecutor(REQUESTS) as pool,
    ):
        ranges = list(pool.map(lambda origin: _start(folder, origin), missing))
        tasks = [
            (origin, piece) for origin, pieces in zip(missing, ranges, strict=True) for piece in _batches(pieces)
        ]
        for _ in pool.map(lambda task: _copy(folder, *task), tasks):
            pass
        for origin in missing:
            os.replace(_unfinished(folder, origin), _file(folder, origin))
            bar.update()


def copy_published(hub: HubDataset, snapshot: Snapshot, folder: str, pool: str, progress: bool = False) -> None:
    """Gives a folder the published shards without their images.

    Args:
        hub: the repository.
        snapshot: what it holds.
        folder: where the shards go.
        pool: another folder of the same file system; what an earlier call has read into it is used again.
        progress: show a bar on stderr.
    """
    origins = {shard.path: _origin(hub, snapshot, shard) for shard in snapshot.shards.values()}
    hub.call(lambda: copy_metadata(pool, list(origins.values()), progress))
    for path, origin in origins.items():
        os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
        os.link(os.path.join(pool, origin.path), os.path.join(folder, path))


def _origin(hub: HubDataset, snapshot: Snapshot, shard: Shard) -> Origin:
    file = snapshot.files[shard.path]
    name = f"{file.sha256 or file.blob}.parquet"
    return Origin(name, hub.files, hub.path(shard.path, snapshot.commit), shard.size, label=shard.path)


def _file(folder: str, origin: Origin) -> str:
    return os.path.join(folder, origin.path)


def _unfinished(folder: str, origin: Origin) -> str:
    return f"{_file(folder, origin)}.tmp"


Range = tuple[int, int]


def _start(folder: str, origin: Origin) -> list[Range]:
    """Writes a sparse file with a shard's footer; returns the ranges that are still to be copied."""
    file = _unfinished(folder, origin)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    first = max(0, origin.size - FOOTER_GUESS)
    tail = _read(origin, [(first, origin.size)])[0]
    footer = int.from_bytes(tail[-8:-4], "little") + 8
    if tail[-4:] != b"PAR1" or footer > origin.size:
        raise ValueError(f"{origin.label} is not a Parquet file, or a truncated one")
    if footer > len(tail):
        first = origin.size - footer
        tail = _read(origin, [(first, origin.size)])[0]
    with open(file, "wb") as out:
        out.truncate(origin.size)
        out.write(b"PAR1")
        out.seek(first)
        out.write(tail)
    try:
        metadata = pq.read_metadata(pa.BufferReader(_with_magic(tail)))
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{origin.label} is not a Parquet file: {error}") from error
    return _merge(_metadata_ranges(metadata))


def _with_magic(tail: bytes) -> bytes:
    return b"PAR1" + tail


def _metadata_ranges(metadata: pq.FileMetaData) -> Iterable[Range]:
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        for column in (group.column(column) for column in range(group.num_columns)):
            if not column.path_in_schema.endswith((".bytes", ".path")):
                start = column.data_page_offset
                if column.has_dictionary_page and column.dictionary_page_offset:
                    start = min(start, column.dictionary_page_offset)
                yield start, start + column.total_compressed_size


def _merge(ranges: Iterable[Range]) -> list[Range]:
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start - merged[-1][1] < GAP:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _batches(ranges: list[Range], size: int = 16) -> Iterable[list[Range]]:
    return (ranges[first : first + size] for first in range(0, len(ranges), size))


def _copy(folder: str, origin: Origin, ranges: list[Range]) -> None:
    pieces = _read(origin, ranges)
    with open(_unfinished(folder, origin), "r+b") as out:
        for (start, _), piece in zip(ranges, pieces, strict=True):
            out.seek(start)
            out.write(piece)


def _read(origin: Origin, ranges: list[Range]) -> list[bytes]:
    # without a cache a remote file reads exactly what is asked for, and with its size it need not be asked about
    file: _Readable = origin.filesystem.open(origin.location, "rb", cache_type="none", size=origin.size)
    try:
        return [_read_range(file, *piece) for piece in ranges]
    finally:
        file.close()


def _read_range(file: _Readable, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)
