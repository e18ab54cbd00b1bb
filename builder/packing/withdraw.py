"""Takes rows out of a packed dataset."""

import dataclasses
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from builder.dataset.directory import DatasetDirectory, Shard, require_shards
from builder.dataset.existing import Existing, read_existing
from builder.dataset.inventory import inventory_after
from builder.dataset.manifest import ShardEntry, read_manifest
from builder.dataset.shards import Group, read_fingerprints, shard_path, write_shard
from builder.packing.switch import STAGING, finish_switch, switch
from builder.run.file_digest import digest_file
from diffseg30k import HELD_OUT_COLUMNS

NAMED = 5
"""Ids that a message names."""


@dataclass(frozen=True)
class WithdrawReport:
    """What was withdrawn, or would be.

    Attributes:
        rows: ids of the rows that are gone.
        already: ids of rows that were withdrawn before.
        written: paths of the shards that hold the rows which stay.
        removed: paths of the shards that held the rows.
        dry_run: nothing was changed.
    """

    rows: tuple[str, ...]
    already: tuple[str, ...]
    written: tuple[str, ...]
    removed: tuple[str, ...]
    dry_run: bool = False

    def lines(self) -> list[str]:
        """The report for people."""
        done = "would withdraw" if self.dry_run else "withdrew"
        return [
            f"{done} {len(self.rows)} rows, {len(self.removed)} shards {'would be ' * self.dry_run}written again",
            *(f"{done} {row}" for row in self.rows),
            *(f"was withdrawn before: {row}" for row in self.already),
        ]


def withdraw(folder: str, row_ids: Sequence[str], reason: str = "", dry_run: bool = False) -> WithdrawReport:
    """Takes rows out of the dataset in a folder, for good: a later pack leaves them out.

    Only the shards that hold them are written again. The card, which counts rows, is not.

    Args:
        folder: of the dataset.
        row_ids: ids of the rows, or ids of base images for all of their rows.
        reason: goes into the manifest.
        dry_run: only say what would be done.

    Raises:
        FileNotFoundError: there is no dataset.
        ValueError: an id is of no row and of no base image; nothing is changed then.
    """
    if "://" in folder:
        raise ValueError(f"{folder} is a URL: rows are withdrawn from a folder or from NAMESPACE/NAME on the Hub")
    finish_switch(folder)
    dataset = DatasetDirectory(folder)
    require_shards(dataset)
    manifest = read_manifest(dataset)
    rows, already = find_rows(dataset, row_ids, manifest.withdrawn)
    held = [each for each in read_existing(dataset) if rows & each.rows.keys()]
    written = {
        path: len(each.rows.keys() - rows)
        for each in held
        if (path := _remainder(dataset, each, rows, folder, dry_run))
    }
    removed = tuple(each.shard.path for each in held)
    report = WithdrawReport(tuple(sorted(rows)), tuple(sorted(already)), tuple(written), removed, dry_run)
    if not dry_run:
        new = {path: digest_file(os.path.join(folder, STAGING, path)) for path in written}
        entries = {path: ShardEntry(written[path], digest) for path, digest in new.items()}
        after = dataclasses.replace(
            manifest,
            shards=inventory_after(dataset, manifest, entries, removed),
            withdrawn={**manifest.withdrawn, **dict.fromkeys(rows, reason)},
            discarded=manifest.discarded - rows,
        )
        switch(folder, new, removed, after)
    return report


def find_rows(
    dataset: DatasetDirectory, given: Sequence[str], withdrawn: Iterable[str], name: str | None = None
) -> tuple[set[str], set[str]]:
    """The ids of the rows that are meant, and those of them that were withdrawn before.

    Args:
        dataset: to look in.
        given: ids of rows or of base images.
        withdrawn: ids of rows that were withdrawn before.
        name: of the dataset in messages; its folder if left out.

    Raises:
        ValueError: one is neither; the message names it.
    """
    of_base: dict[str, set[str]] = {}
    for shard in dataset.shards():
        with dataset.open(shard) as parquet:
            table = parquet.read(columns=["id", "base.id"])
        for row in table.to_pylist():
            of_base.setdefault(row["id"], set()).add(row["id"])
            if base := row["base"]["id"]:
                of_base.setdefault(base, set()).add(row["id"])
    already = set(given) & set(withdrawn)
    if unknown := [each for each in given if each not in of_base and each not in already]:
        more = f" and {len(unknown) - NAMED} more" if len(unknown) > NAMED else ""
        raise ValueError(
            f"{name or dataset.url} has no row and no base image {', '.join(unknown[:NAMED])}{more}: "
            "nothing is withdrawn"
        )
    return set().union(*(of_base.get(each, set()) for each in given)), already


def _remainder(
    dataset: DatasetDirectory, each: Existing, rows: set[str], folder: str, dry_run: bool
) -> str | None:
    """Writes the rows of a shard that stay into the staging folder; their path, or None where none stays."""
    groups = [group for group in _groups(dataset, each.shard, rows) if group.fingerprints]
    if not groups:
        return None
    with dataset.open(each.shard) as parquet:
        with_originals = "original" in parquet.schema_arrow.names
        kept = {row: mark for row, mark in read_fingerprints(parquet.metadata).items() if row not in rows}
    path = shard_path(each.shard.folder, groups, with_originals)
    if not dry_run:
        staged = os.path.join(folder, STAGING, path)
        write_shard(staged, kept, _staying(dataset, each.shard, rows), with_originals)
    return path


def _groups(dataset: DatasetDirectory, shard: Shard, rows: set[str]) -> Iterator[Group]:
    """What names the shard of the rows that stay, by row group."""
    with dataset.open(shard) as parquet:
        known = read_fingerprints(parquet.metadata)
        for index in range(parquet.num_row_groups):
            table = parquet.read_row_group(index, columns=["id", *HELD_OUT_COLUMNS])
            staying = [row for row in table.to_pylist() if row["id"] not in rows]
            for flags, group in itertools.groupby(staying, key=_flags):
                yield Group(flags, tuple(bytes.fromhex(known.get(row["id"], "")) for row in group))


def _flags(row: dict) -> dict[str, bool]:
    return {name: row[name] for name in HELD_OUT_COLUMNS}


def _staying(dataset: DatasetDirectory, shard: Shard, rows: set[str]) -> Iterator[list[dict]]:
    """The rows that stay, by row group."""
    with dataset.open(shard) as parquet:
        for index in range(parquet.num_row_groups):
            if staying := [row for row in parquet.read_row_group(index).to_pylist() if row["id"] not in rows]:
                yield staying
