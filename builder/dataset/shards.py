"""Divides rows among shards, orders them within each shard, and writes the shards.

A shard's name is a digest of its contents. So shards of different runs have different names, and a shard that
exists need not be written again.
"""

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from builder.dataset.splits import Member, Placement
from builder.encoding.whole_file import whole_file
from diffseg30k import HELD_OUT_COLUMNS, features, folder, unit_hash

FORMAT = "2"
"""Goes into the shards' names: to be raised whenever the same rows would be written as other bytes."""

FINGERPRINTS = b"diffseg30k.rows"
"""The key of a shard's metadata for a JSON object of row ids to the digests of what the rows are made of."""

_LARGE = ("image", "original")


@dataclass(frozen=True)
class Entry:
    """A row before its images are read.

    Attributes:
        key: what its source knows it by.
        member: the row's id, its base image and its generators.
        size: bytes of its images and masks.
        fingerprint: a digest of all that the row is made of.
    """

    key: str
    member: Member
    size: int
    fingerprint: bytes


@dataclass(frozen=True)
class PlannedShard:
    """A shard before it is written.

    Attributes:
        path: relative to the dataset.
        row_groups: the rows of each row group; those of one group agree in the held-out columns.
    """

    path: str
    row_groups: tuple[tuple[tuple[Entry, Placement], ...], ...]

    @property
    def rows(self) -> int:
        return sum(len(group) for group in self.row_groups)

    @property
    def fingerprints(self) -> dict[str, str]:
        """Row id to the digest of what the row is made of, in hexadecimal digits."""
        return {entry.member.id: entry.fingerprint.hex() for group in self.row_groups for entry, _ in group}


@dataclass(frozen=True)
class Group:
    """What of a row group goes into its shard's name.

    Attributes:
        flags: the held-out columns of its rows, by name.
        fingerprints: of its rows, in order.
    """

    flags: Mapping[str, bool]
    fingerprints: tuple[bytes, ...]


Row = tuple[Entry, Placement]


def plan_shards(
    entries: Sequence[Entry],
    placements: Sequence[Placement],
    shard_bytes: int,
    rows_per_group: int,
    with_originals: bool,
) -> list[PlannedShard]:
    """Divides rows among shards.

    Within a side and group, rows go to shards in the order of a hash of their ids, so that reading one shard is
    like reading any other. Within a shard they are ordered by the held-out columns, and a row group ends where
    these change: a config's filter then skips whole row groups and reads nothing in vain.

    Args:
        entries: the rows, each with its placement at the same index.
        shard_bytes: a shard holds about this much, or a single row that is larger.
        rows_per_group: rows in a row group at most.
        with_originals: the rows carry their base images.
    """
    places: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for entry, placement in zip(entries, placements, strict=True):
        places[placement.side, placement.group].append((entry, placement))
    return [
        plan_shard(folder(*place), rows, rows_per_group, with_originals)
        for place, members in sorted(places.items())
        for rows in _cut(sorted(members, key=_mixed), shard_bytes)
    ]


def _mixed(row: Row) -> tuple[float, str]:
    return unit_hash(row[0].member.id), row[0].member.id


def _by_flags(row: Row) -> tuple:
    return tuple(row[1].flags[column] for column in HELD_OUT_COLUMNS), _mixed(row)


def _cut(rows: list[Row], shard_bytes: int) -> Iterator[list[Row]]:
    """Cuts rows into shards of about equal size."""
    total = sum(entry.size for entry, _ in rows)
    shards = min(max(1, -(-total // shard_bytes)), len(rows))
    share = total / shards
    shard: list[Row] = []
    seen = 0
    for row in rows:
        # A row belongs where its middle falls.
        if shard and (seen + row[0].size / 2) // share > (seen - shard[-1][0].size / 2) // share:
            yield shard
            shard = []
        shard.append(row)
        seen += row[0].size
    yield shard


def plan_shard(place: str, rows: Iterable[Row], rows_per_group: int, with_originals: bool) -> PlannedShard:
    """One shard of some rows of one folder, `place`; the other arguments as for `plan_shards`."""
    groups: list[list[Row]] = []
    for row in sorted(rows, key=_by_flags):
        if not groups or len(groups[-1]) == rows_per_group or groups[-1][-1][1].flags != row[1].flags:
            groups.append([])
        groups[-1].append(row)
    return _planned(place, groups, with_originals)


def without(shard: PlannedShard, keys: Set[str], with_originals: bool) -> PlannedShard:
    """A shard without some entries, each row group without those of its own; its name is another then."""
    groups = [[row for row in group if row[0].key not in keys] for group in shard.row_groups]
    return _planned(os.path.dirname(shard.path), [group for group in groups if group], with_originals)


def _planned(place: str, groups: Sequence[Sequence[Row]], with_originals: bool) -> PlannedShard:
    marks = [Group(group[0][1].flags, tuple(entry.fingerprint for entry, _ in group)) for group in groups]
    return PlannedShard(shard_path(place, marks, with_originals), tuple(tuple(group) for group in groups))


def shard_path(place: str, groups: Iterable[Group], with_originals: bool) -> str:
    """The path of a shard, relative to the dataset, whose name is a digest of its rows.

    Args:
        place: its folder.
        groups: its row groups.
        with_originals: the rows carry their base images.
    """
    digest = hashlib.blake2b(f"{FORMAT} {features(with_originals)} {place}".encode(), digest_size=8)
    for group in groups:
        digest.update(f" {len(group.fingerprints)} {dict(group.flags)}".encode())
        for fingerprint in group.fingerprints:
            digest.update(fingerprint)
    return f"{place}/{digest.hexdigest()}.parquet"


# ── Writing ───────────────────────────────────────────────────────────────────────────────────────


def write_shard(
    file: str, fingerprints: Mapping[str, str], rows: Iterable[Sequence[dict]], with_originals: bool
) -> None:
    """Writes one shard atomically.

    Images and masks are compressed already and are stored as they are, cut into pages by their content, so that a
    store that keeps equal chunks once keeps them once. No more than a row group is held in memory.

    Args:
        file: a local path.
        fingerprints: of its rows, and perhaps of others, as in `PlannedShard.fingerprints`.
        rows: the rows of each row group, with the columns of `diffseg30k.features`.
        with_originals: the rows carry their base images.
    """
    schema = features(with_originals).arrow_schema
    with whole_file(file) as temporary, pq.ParquetWriter(temporary, schema, **writer_options(schema)) as writer:
        written: dict[str, str] = {}
        for group in rows:
            writer.write_table(_table(group, schema), row_group_size=len(group))
            written |= {row["id"]: fingerprints[row["id"]] for row in group if row["id"] in fingerprints}
        writer.add_key_value_metadata({FINGERPRINTS.decode(): json.dumps(written, sort_keys=True)})


def read_fingerprints(metadata: pq.FileMetaData) -> dict[str, str]:
    """The fingerprints that `write_shard` left in a shard, by row id; empty for a shard of another writer."""
    return json.loads((metadata.metadata or {}).get(FINGERPRINTS, b"{}"))


def _table(rows: Sequence[dict], schema: pa.Schema) -> pa.Table:
    """Rows as a table. The large pictures are copied once; `Table.from_pylist` grows its buffer as it goes."""
    large = [name for name in _LARGE if name in schema.names]
    small = pa.schema([field for field in schema if field.name not in large])
    columns = dict(zip(small.names, pa.Table.from_pylist(list(rows), schema=small).columns, strict=True))
    for name in large:
        columns[name] = pa.chunked_array(
            [_pictures([row[name]["bytes"] for row in rows], schema.field(name).type)]
        )
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _pictures(pictures: list[bytes], kind: pa.StructType) -> pa.StructArray:
    offsets = np.cumsum([0, *map(len, pictures)], dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(pictures))]
    contents = pa.Array.from_buffers(pa.binary(), len(pictures), buffers)
    return pa.StructArray.from_arrays([contents, pa.nulls(len(pictures), pa.string())], fields=list(kind))


def writer_options(schema: pa.Schema) -> dict:
    """What `pyarrow.parquet.ParquetWriter` is to write a shard with."""
    leaves = list(_leaves(schema))
    pictures = {leaf for leaf in leaves if leaf.endswith(".bytes")}
    others = [leaf for leaf in leaves if leaf not in pictures]
    return {
        "compression": {leaf: "NONE" if leaf in pictures else "ZSTD" for leaf in leaves},
        "use_dictionary": others,
        "write_statistics": others,
        "write_page_index": True,
        "use_content_defined_chunking": True,
    }


def _leaves(schema: pa.Schema) -> Iterator[str]:
    """The names of the columns that Parquet stores, such as `edits.list.element.mask.bytes`."""

    def below(name: str, kind: pa.DataType) -> Iterator[str]:
        if pa.types.is_struct(kind):
            for index in range(kind.num_fields):
                yield from below(f"{name}.{kind.field(index).name}", kind.field(index).type)
        elif pa.types.is_list(kind):
            yield from below(f"{name}.list.element", kind.value_type)
        else:
            yield name

    for column in schema:
        yield from below(column.name, column.type)
