"""Chooses the rows of a gallery, without reading an image."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from builder.dataset.directory import DatasetDirectory, Shard, require_shards
from builder.dataset.shards import read_fingerprints
from diffseg30k import GROUPS, SIDES, unit_hash

FORMAT = "1"
"""Goes into the names of the pictures: to be raised whenever the same row would give other pictures."""


@dataclass(frozen=True)
class ChosenRow:
    """A row of the gallery before it is read.

    Attributes:
        id: the row's id.
        shard: where it is.
        row_group, index: its place in the shard.
        key: the stem of its pictures' names, 16 hexadecimal digits; another row, or the same row with other
            content, has another.
    """

    id: str
    shard: Shard
    row_group: int
    index: int
    key: str


def choose_rows(dataset: DatasetDirectory, count: int | None, side: int) -> tuple[list[ChosenRow], int]:
    """The rows to show, in the order of the dataset, edited ones before unedited ones.

    Args:
        dataset: the packed dataset.
        count: how many, by a hash of their ids; None for all.
        side: longest side of the pictures, which their names depend on.

    Returns:
        The rows, and how many the dataset has.

    Raises:
        FileNotFoundError: the dataset has no shards.
        ValueError: a shard cannot be read.
    """
    shards = sorted(
        require_shards(dataset), key=lambda shard: (GROUPS.index(shard.group), SIDES.index(shard.side))
    )
    rows = [row for shard in shards for row in _rows_of(dataset, shard, side)]
    if count is None or count >= len(rows):
        return rows, len(rows)
    limit = sorted(_drawn(row) for row in rows)[count]
    return [row for row in rows if _drawn(row) < limit], len(rows)


def _drawn(row: ChosenRow) -> tuple[float, str]:
    return unit_hash(f"gallery {row.id}"), row.key


def _rows_of(dataset: DatasetDirectory, shard: Shard, side: int) -> Iterator[ChosenRow]:
    with dataset.open(shard) as parquet:
        if "id" not in parquet.schema_arrow.names:
            raise ValueError(f"{dataset.url}/{shard.path} is not a shard of this dataset: it has no column id")
        known = read_fingerprints(parquet.metadata)
        for group in range(parquet.num_row_groups):
            for index, row in enumerate(parquet.read_row_group(group, columns=["id"])["id"].to_pylist()):
                content = f"{FORMAT} {side} {row} {known.get(row, shard.path)}"
                key = hashlib.blake2b(content.encode(), digest_size=8).hexdigest()
                yield ChosenRow(row, shard, group, index, key)
