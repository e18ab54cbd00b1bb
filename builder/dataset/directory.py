"""The shards of a packed dataset, in a folder or behind any URL that fsspec reads."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from diffseg30k import GROUPS, SIDES, folder


@dataclass(frozen=True)
class Shard:
    """One Parquet file of a dataset.

    Attributes:
        path: relative to the dataset: `data/train/edited/0123456789abcdef.parquet`.
        side: `train` or `validation`.
        group: one of `diffseg30k.GROUPS`.
        size: bytes.
    """

    path: str
    side: str
    group: str
    size: int

    @property
    def folder(self) -> str:
        return folder(self.side, self.group)


@dataclass(frozen=True)
class DatasetDirectory:
    """A packed dataset, opened.

    Attributes:
        url: a folder or an fsspec URL such as `hf://datasets/NAMESPACE/NAME`.
    """

    url: str

    def _opened(self) -> tuple[fsspec.AbstractFileSystem, str]:
        filesystem, root = fsspec.core.url_to_fs(self.url)
        return filesystem, root.rstrip("/")

    def shards(self) -> list[Shard]:
        """Every shard, ordered by path; none where nothing is packed."""
        filesystem, root = self._opened()
        found = []
        for side in SIDES:
            for group in GROUPS:
                found += _shards_in(filesystem, root, side, group)
        return sorted(found, key=lambda shard: shard.path)

    def read(self, path: str) -> bytes:
        """The bytes of a file, such as the card.

        Raises:
            FileNotFoundError: there is no such file.
        """
        filesystem, root = self._opened()
        return filesystem.cat_file(f"{root}/{path}")

    def names(self) -> set[str]:
        """The names of the files and folders at the top; empty where there is no such folder."""
        filesystem, root = self._opened()
        try:
            return {path.rstrip("/").rsplit("/", 1)[-1] for path in filesystem.ls(root, detail=False)}
        except FileNotFoundError:
            return set()

    @contextmanager
    def open(self, shard: Shard) -> Iterator[pq.ParquetFile]:
        """A shard, of which only what is asked for is read.

        Raises:
            ValueError: it is not a Parquet file, or a truncated one.
        """
        filesystem, root = self._opened()
        with filesystem.open(f"{root}/{shard.path}", "rb") as file:
            try:
                parquet = pq.ParquetFile(file)
            except pa.ArrowInvalid as error:
                raise ValueError(f"{self.url}/{shard.path} is not a Parquet file: {error}") from error
            with parquet:
                yield parquet

    def sha256(self, shard: Shard) -> str:
        """The SHA-256 of a shard, as the Hub tells it; elsewhere the whole shard is read."""
        filesystem, root = self._opened()
        path = f"{root}/{shard.path}"
        if large := filesystem.info(path).get("lfs"):
            return large["sha256"]
        with filesystem.open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def rows(self, shards: Iterable[Shard]) -> int:
        """How many rows some shards hold, from their footers."""
        total = 0
        for shard in shards:
            with self.open(shard) as parquet:
                total += parquet.metadata.num_rows
        return total


def require_shards(dataset: DatasetDirectory) -> list[Shard]:
    """The shards of a dataset that has some.

    Raises:
        FileNotFoundError: it has none.
    """
    shards = dataset.shards()
    if not shards:
        raise FileNotFoundError(
            f"{dataset.url} holds no shards (data/SIDE/GROUP/*.parquet): pack a run into it first"
        )
    return shards


def _shards_in(filesystem: fsspec.AbstractFileSystem, root: str, side: str, group: str) -> list[Shard]:
    place = folder(side, group)
    try:
        entries = filesystem.ls(f"{root}/{place}", detail=True)
    except (FileNotFoundError, NotADirectoryError):
        return []
    files = [(entry["name"].rsplit("/", 1)[-1], entry) for entry in entries if entry["type"] == "file"]
    return [
        Shard(f"{place}/{name}", side, group, entry["size"])
        for name, entry in files
        if name.endswith(".parquet") and not name.startswith(".")
    ]
