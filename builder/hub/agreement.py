"""Checks that the rows of all shards agree: unique ids, one side per base image, one schema."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.splits import held_out_split
from diffseg30k import (
    CLASS_NAMES,
    CONFIGS,
    HELD_OUT_COLUMNS,
    HELD_OUT_PAIRS,
    LORA,
    features,
    held_out_column,
)

NAMED = 5
"""Rows that a refusal names."""


class Disagreement(ValueError):
    """Rows that cannot be in one dataset. The message names them."""


@dataclass(frozen=True)
class Line:
    """What of a row has to agree with other rows.

    Attributes:
        id: the row's.
        base: its base image's id; None where it is not known.
        side: the side of the 8:2 split of its shard.
        splits: held-out pair to `train` or `test`, where the row is in that config.
    """

    id: str
    base: str | None
    side: str
    splits: Mapping[str, str]


def read_lines(dataset: DatasetDirectory, shard: Shard) -> list[Line]:
    """The rows of a shard.

    Raises:
        Disagreement: its columns are not those of this version.
    """
    with dataset.open(shard) as parquet:
        _check_columns(shard, parquet.schema_arrow)
        table = parquet.read(columns=["id", "base.id", "generators", *HELD_OUT_COLUMNS])
    return [_line(shard, row) for row in table.to_pylist()]


def _check_columns(shard: Shard, schema: pa.Schema) -> None:
    expected = features(with_originals="original" in schema.names).arrow_schema
    if schema.names != expected.names:
        differing = sorted(set(schema.names) ^ set(expected.names)) or ["their order"]
        raise Disagreement(f"{shard.path} has another schema than this version writes: {', '.join(differing)}")
    for theirs, ours in zip(schema, expected, strict=True):
        if not theirs.type.equals(ours.type):
            raise Disagreement(f"{shard.path}: column {ours.name!r} is {theirs.type}, not {ours.type}")


def _line(shard: Shard, row: dict) -> Line:
    generators = [CLASS_NAMES[value] for value in row["generators"] or ()]
    splits = {}
    for pair in HELD_OUT_PAIRS:
        split = held_out_split(shard.side, generators, pair)
        if split and row[held_out_column(pair)] and shard.group != LORA:
            splits[pair] = split
    return Line(row["id"], row["base"]["id"], shard.side, splits)


def check_originals(dataset: DatasetDirectory, shards: Iterable[Shard]) -> None:
    """Makes sure that all shards have originals or none.

    Raises:
        Disagreement: some have and some have not.
    """
    seen: dict[bool, Shard] = {}
    for shard in shards:
        with dataset.open(shard) as parquet:
            seen.setdefault("original" in parquet.schema_arrow.names, shard)
    if len(seen) == 2:
        raise Disagreement(
            f"{seen[True].path} keeps the originals and {seen[False].path} does not: the schema differs; "
            "pack both with or both without them"
        )


def check(lines: Mapping[Shard, Iterable[Line]]) -> None:
    """Makes sure that rows can be in one dataset.

    Args:
        lines: the rows of each shard, as `read_lines` gives them.

    Raises:
        Disagreement: two rows have one id; a base image is on both sides of the 8:2; or one is in both splits of a
            held-out config.
    """
    _check_ids(lines)
    everything = [line for rows in lines.values() for line in rows if line.base is not None]
    _check_sides(everything)
    for pair in HELD_OUT_PAIRS:
        _check_pair(pair, everything)


def _check_ids(lines: Mapping[Shard, Iterable[Line]]) -> None:
    found: dict[str, Shard] = {}
    twice = []
    for shard, rows in lines.items():
        for line in rows:
            if line.id in found:
                twice.append(f"{line.id} (in {found[line.id].path} and {shard.path})")
            found[line.id] = shard
    if twice:
        raise Disagreement(f"{_count(twice, 'row id')} {_are(twice)} there twice: {_some(twice)}")


def _check_sides(lines: list[Line]) -> None:
    sides: dict[str, dict[str, Line]] = defaultdict(dict)
    for line in lines:
        sides[str(line.base)].setdefault(line.side, line)
    both = [f"{base} (rows {_rows(found)})" for base, found in sides.items() if len(found) > 1]
    if both:
        raise Disagreement(f"{_count(both, 'base image')} {_are(both)} on both sides of the 8:2: {_some(both)}")


def _check_pair(pair: str, lines: list[Line]) -> None:
    splits: dict[str, dict[str, Line]] = defaultdict(dict)
    for line in lines:
        if pair in line.splits:
            splits[str(line.base)].setdefault(line.splits[pair], line)
    both = [f"{base} (rows {_rows(found)})" for base, found in splits.items() if len(found) > 1]
    if both:
        configs = " and ".join(name for name in CONFIGS if name.endswith(f"-heldout-{pair}"))
        raise Disagreement(
            f"{_count(both, 'base image')} would be in train and in test of {configs}: {_some(both)}; "
            "pull the dataset into a folder and pack the run into that, which settles it"
        )


def _rows(found: Mapping[str, Line]) -> str:
    return " and ".join(f"{line.id} in {place}" for place, line in sorted(found.items()))


def _count(found: list[str], what: str) -> str:
    return f"{len(found):,} {what}{'s' if len(found) > 1 else ''}"


def _are(found: list[str]) -> str:
    return "are" if len(found) > 1 else "is"


def _some(found: list[str]) -> str:
    rest = len(found) - NAMED
    return ", ".join(found[:NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
