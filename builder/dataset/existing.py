"""Lists the shards that the output folder of a pack holds already: those of the same run and of other runs."""

from collections import defaultdict
from collections.abc import Iterator, Set
from dataclasses import dataclass

import pyarrow as pa

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.splits import Occupied, held_out_split
from diffseg30k import CLASS_NAMES, HELD_OUT_COLUMNS, HELD_OUT_PAIRS, LORA, UNEDITED, held_out_column


@dataclass(frozen=True)
class Existing:
    """The shards of a dataset, as a run sees them.

    Attributes:
        own: shards that hold nothing but rows of the run.
        others: shards that hold none of them.
    """

    own: tuple[Shard, ...]
    others: tuple[Shard, ...]


def sort_out(dataset: DatasetDirectory, row_ids: Set[str]) -> Existing:
    """Tells the shards of a run from those of others.

    Args:
        row_ids: the ids of all rows of the run.

    Raises:
        ValueError: a shard holds rows of the run and of another, or is not a Parquet file.
    """
    own: list[Shard] = []
    others: list[Shard] = []
    for shard in dataset.shards():
        ids = _ids(dataset, shard)
        if mine := ids & row_ids:
            if len(mine) < len(ids):
                raise ValueError(
                    f"{dataset.url}/{shard.path} holds rows of this run ({min(mine)}) and of others "
                    f"({min(ids - mine)}); pack into another folder"
                )
            own.append(shard)
        else:
            others.append(shard)
    return Existing(tuple(own), tuple(others))


def _ids(dataset: DatasetDirectory, shard: Shard) -> set[str]:
    with dataset.open(shard) as parquet:
        if "id" not in parquet.schema_arrow.names:
            raise ValueError(f"{dataset.url}/{shard.path} is not a shard of this dataset: it has no column id")
        return set(parquet.read(columns=["id"])["id"].to_pylist())


def occupied(dataset: DatasetDirectory, shards: tuple[Shard, ...]) -> Occupied:
    """What the rows of some shards take up of the splits."""
    unedited = 0
    serving: dict[str, dict[str, str]] = defaultdict(dict)
    for shard in shards:
        if shard.group == LORA:
            continue
        for row in _rows(dataset, shard):
            unedited += shard.side == "train" and shard.group == UNEDITED
            generators = [CLASS_NAMES[value] for value in row["generators"]]
            for pair in HELD_OUT_PAIRS:
                split = held_out_split(shard.side, generators, pair)
                if split and row[held_out_column(pair)]:
                    serving[pair][row["base"]["id"]] = split
    return Occupied(unedited, serving)


def _rows(dataset: DatasetDirectory, shard: Shard) -> Iterator[dict]:
    with dataset.open(shard) as parquet:
        for batch in parquet.iter_batches(columns=["base.id", "generators", *HELD_OUT_COLUMNS]):
            yield from pa.Table.from_batches([batch]).to_pylist()


def has_originals(dataset: DatasetDirectory) -> bool:
    """Whether the rows of a dataset carry their base images; false where there are no rows."""
    for shard in dataset.shards()[:1]:
        with dataset.open(shard) as parquet:
            return "original" in parquet.schema_arrow.names
    return False


def check_schema(dataset: DatasetDirectory, shards: tuple[Shard, ...], schema: pa.Schema) -> None:
    """Checks that rows of a schema can be added to existing shards.

    Raises:
        ValueError: a shard has other columns.
    """
    for shard in shards:
        with dataset.open(shard) as parquet:
            there = set(parquet.schema_arrow.names)
        if differing := sorted(there ^ set(schema.names)):
            raise ValueError(
                f"{dataset.url}/{shard.path} and the rows to be packed differ in the column {differing[0]!r}; "
                "pack both with or both without the originals"
            )
