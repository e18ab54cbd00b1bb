"""Reads the shards that the output folder of a pack holds already, and tells which of them a run changes."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import pyarrow as pa

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.shards import read_fingerprints
from builder.dataset.splits import Occupied, held_out_split
from diffseg30k import CLASS_NAMES, HELD_OUT_COLUMNS, HELD_OUT_PAIRS, LORA, UNEDITED, held_out_column


@dataclass(frozen=True)
class Existing:
    """A shard with its rows.

    Attributes:
        shard: where it is.
        rows: row id to the fingerprint of what the row is made of; None where the shard does not say.
    """

    shard: Shard
    rows: Mapping[str, str | None]


@dataclass(frozen=True)
class Standing:
    """The shards of a dataset, as a run sees them.

    Attributes:
        kept: shards that stay as they are.
        changed: shards that are written again, since a row of the run in them is another now or was discarded.
    """

    kept: tuple[Existing, ...]
    changed: tuple[Existing, ...]

    @property
    def kept_shards(self) -> tuple[Shard, ...]:
        return tuple(each.shard for each in self.kept)


def read_existing(dataset: DatasetDirectory) -> list[Existing]:
    """Every shard of a dataset with its rows.

    Raises:
        ValueError: a file is not a Parquet file, or not a shard of such a dataset.
    """
    return [Existing(shard, _rows_of(dataset, shard)) for shard in dataset.shards()]


def _rows_of(dataset: DatasetDirectory, shard: Shard) -> dict[str, str | None]:
    with dataset.open(shard) as parquet:
        if "id" not in parquet.schema_arrow.names:
            raise ValueError(f"{dataset.url}/{shard.path} is not a shard of this dataset: it has no column id")
        known = read_fingerprints(parquet.metadata)
        return {row: known.get(row) for row in parquet.read(columns=["id"])["id"].to_pylist()}


def sort_out(
    url: str, existing: Sequence[Existing], fingerprints: Mapping[str, str], gone: Set[str], of_run: Set[str]
) -> Standing:
    """Tells the shards that stay from those that a run changes.

    A row stays in the shard that it is in, so that a dataset that grows sends only what is new.

    Args:
        url: of the dataset, for messages.
        existing: as `read_existing` gives them.
        fingerprints: of the run's rows that are to be in the dataset, by id.
        gone: ids of the run's rows that are not to be in it.
        of_run: ids of all rows of the run.

    Raises:
        ValueError: a shard that changes holds rows of others too.
    """
    kept, changed = [], []
    for each in existing:
        differing = {row for row, known in each.rows.items() if fingerprints.get(row, known) != known}
        if not (touched := differing | (each.rows.keys() & gone)):
            kept.append(each)
        elif foreign := each.rows.keys() - of_run:
            raise ValueError(
                f"{url}/{each.shard.path} holds rows of this run ({min(touched)}, which changed) and of others "
                f"({min(foreign)}); pack into another folder"
            )
        else:
            changed.append(each)
    return Standing(tuple(kept), tuple(changed))


def occupied(dataset: DatasetDirectory, shards: Sequence[Shard]) -> Occupied:
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


def check_schema(dataset: DatasetDirectory, shards: Sequence[Shard], schema: pa.Schema) -> None:
    """Checks that rows of a schema can be added to existing shards.

    Raises:
        ValueError: a shard has other columns.
    """
    for shard in shards:
        with dataset.open(shard) as parquet:
            there = parquet.schema_arrow
        differing = sorted(set(there.names) ^ set(schema.names))
        if "original" in differing:
            has = "has the base images" if "original" in there.names else "does not have the base images"
            option = "pack with --with-originals" if "original" in there.names else "pack without --with-originals"
            raise ValueError(f"{dataset.url}/{shard.path} {has} in the column `original`: {option}")
        if differing or not there.equals(schema):
            raise ValueError(
                f"{dataset.url}/{shard.path} was written by another version: it differs in "
                f"{differing[0] if differing else 'the types of columns'}; pack into another folder"
            )
