"""Verifies a packed dataset, and reports each violation with its row and the violated property.

It reads one row group at a time, from a folder or by range requests from any URL that fsspec reads.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features
from tqdm import tqdm

from builder.checks.card import check_card
from builder.checks.loaded_row import load_row
from builder.checks.manifest import MANIFEST_PROMISE, check_manifest
from builder.checks.rows import check_row
from builder.checks.splits import SPLIT_CHECKS, PlacedRow
from builder.dataset.directory import DatasetDirectory, Shard, require_shards
from builder.dataset.manifest import read_manifest
from diffseg30k import CLASS_NAMES, HELD_OUT_COLUMNS, features

READABLE = "every shard is a whole Parquet file"
SCHEMA = "every shard has the columns of the schema, and names them in its metadata"
THREADS = 4


@dataclass(frozen=True)
class Violation:
    """A promise that is broken.

    Attributes:
        shard: the shard's path in the dataset; None where it is about the card or the manifest.
        row: the row's id; None where it is about a whole shard, the card or the manifest.
        promise: what is promised.
        detail: the violation.
    """

    shard: str | None
    row: str | None
    promise: str
    detail: str

    def __str__(self) -> str:
        where = " ".join(part for part in (self.shard, f"row {self.row}" if self.row else None) if part)
        return f"{where or 'dataset'}: {self.promise}: {self.detail}"


@dataclass(frozen=True)
class Verification:
    """What was checked, and what was found.

    Attributes:
        shards: shards read.
        rows: rows read.
        violations: the broken promises, in the order of the shards.
    """

    shards: int
    rows: int
    violations: tuple[Violation, ...]

    def lines(self) -> list[str]:
        """The report for people."""
        summary = f"{self.rows} rows in {self.shards} shards: {len(self.violations)} violations"
        return [*map(str, self.violations), summary]


def verify(dataset: str, progress: bool = True) -> Verification:
    """Checks the rows, the splits and the card of a dataset.

    Args:
        dataset: a folder or an fsspec URL such as `hf://datasets/NAMESPACE/NAME`.
        progress: show a bar on stderr.

    Raises:
        FileNotFoundError: it holds no shards.
    """
    opened = DatasetDirectory(dataset)
    shards = require_shards(opened)
    violations: list[Violation] = []
    placed: list[PlacedRow] = []
    with_originals: set[bool] = set()
    with tqdm(total=len(shards), unit="shard", desc="Verifying", disable=None if progress else True) as bar:
        for shard in shards:
            violations += _verify_shard(opened, shard, placed, with_originals)
            bar.update()
    if len(with_originals) > 1:
        violations.append(Violation(None, None, SCHEMA, "some shards have the column original and some have not"))
    manifest = read_manifest(opened)
    read = Counter(row.shard for row in placed)
    if manifest.gone:
        placed = [dataclasses.replace(row, lost_rows=True) for row in placed]
    for promise, check in SPLIT_CHECKS.items():
        violations += [Violation(row.shard, row.id, promise, detail) for row, detail in check(placed)]
    for path, detail in check_manifest(opened, manifest, shards, read):
        violations.append(Violation(path, None, MANIFEST_PROMISE, detail))
    if not any(violation.promise == READABLE for violation in violations):
        violations += [Violation(None, None, promise, detail) for promise, detail in check_card(opened)]
    return Verification(len(shards), len(placed), tuple(violations))


def _verify_shard(
    dataset: DatasetDirectory, shard: Shard, placed: list[PlacedRow], with_originals: set[bool]
) -> list[Violation]:
    found: list[Violation] = []
    try:
        with dataset.open(shard) as parquet:
            problems = list(_schema_problems(parquet))
            if problems:
                return [Violation(shard.path, None, SCHEMA, problem) for problem in problems]
            with_originals.add("original" in parquet.schema_arrow.names)
            for violation in _verify_rows(parquet, shard, placed):
                found.append(violation)  # one by one: what was found before a damaged page counts
    except (pa.ArrowException, ValueError) as error:
        found.append(_unreadable(shard, error))
    except OSError as error:
        if type(error) is not OSError or error.errno:  # of the network or the disk, and not pyarrow's
            raise
        found.append(_unreadable(shard, error))
    return found


def _unreadable(shard: Shard, error: Exception) -> Violation:
    return Violation(shard.path, None, READABLE, (str(error) or repr(error)).splitlines()[0])


def _schema_problems(parquet: pq.ParquetFile) -> Iterator[str]:
    there = parquet.schema_arrow
    expected = features("original" in there.names)
    if there.names != expected.arrow_schema.names:
        differing = sorted(set(there.names) ^ set(expected.arrow_schema.names))
        yield f"the columns differ: {', '.join(differing) or 'their order'}"
        return
    others = [field for field in expected.arrow_schema if there.field(field.name).type != field.type]
    for field in others:
        yield f"{field.name} is of the type {there.field(field.name).type}, not {field.type}"
    if others:
        return
    if b"huggingface" not in (there.metadata or {}):
        yield "it has no metadata for `datasets`"
    elif Features.from_arrow_schema(there) != expected:
        yield "its metadata for `datasets` names other features"


def _verify_rows(parquet: pq.ParquetFile, shard: Shard, placed: list[PlacedRow]) -> Iterator[Violation]:
    with ThreadPoolExecutor(THREADS) as pool:
        for index in range(parquet.num_row_groups):
            rows = parquet.read_row_group(index).to_pylist()
            placed += [_placed(row, shard) for row in rows]
            for row, broken in zip(rows, pool.map(_check, rows), strict=True):
                for promise, detail in broken:
                    yield Violation(shard.path, row["id"], promise, detail)


def _check(fields: dict) -> list[tuple[str, str]]:
    return check_row(load_row(fields))


def _placed(fields: dict, shard: Shard) -> PlacedRow:
    known = [value for value in fields["generators"] or [] if value is not None and 0 < value < len(CLASS_NAMES)]
    return PlacedRow(
        id=fields["id"],
        shard=shard.path,
        side=shard.side,
        group=shard.group,
        base_id=(fields["base"] or {}).get("id"),
        generators=tuple(CLASS_NAMES[value] for value in known),
        flags={column: fields[column] for column in HELD_OUT_COLUMNS},
    )
