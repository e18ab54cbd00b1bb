"""Assigns imported rows to splits and writes their shards."""

import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow.parquet as pq
from tqdm import tqdm

from builder.archives.staging import Staged, Staging
from builder.dataset.directory import DatasetDirectory
from builder.dataset.inventory import inventory
from builder.dataset.manifest import Manifest, write_manifest
from builder.dataset.shards import PlannedShard, plan_shards, write_shard
from builder.dataset.splits import Placement, edited_group, mixes
from builder.encoding.whole_file import move_whole
from builder.packing.stage import finished_digest, mark_finished
from builder.run.map_ahead import map_ahead
from diffseg30k import HELD_OUT_PAIRS, MORE_UNEDITED, UNEDITED, UNEDITED_IN_TRAIN, held_out_column, unit_hash

SHARDS = "shards"


def place(rows: Sequence[Staged]) -> list[Placement]:
    """Where published rows belong: on the side they were published on, in the group of their generators."""
    unedited = [row.id for row in rows if not row.classes and row.side == "train"]
    in_train = set(sorted(unedited, key=lambda row: (unit_hash(row), row))[:UNEDITED_IN_TRAIN])
    return [_placement(row, in_train) for row in rows]


def _placement(row: Staged, in_train: set[str]) -> Placement:
    generators = row.entry.member.generators
    if generators:
        group = edited_group(generators)
    else:
        group = UNEDITED if row.side == "validation" or row.id in in_train else MORE_UNEDITED
    flags = {held_out_column(pair): not mixes(generators, pair) for pair in HELD_OUT_PAIRS}
    return Placement(row.side, group, flags)


def write_shards(
    rows: Sequence[Staged],
    staging: Staging,
    shard_bytes: int,
    rows_per_group: int,
    workers: int,
    progress: bool,
) -> list[PlannedShard]:
    """Shares staged rows out to shards and writes those that are not written yet, all in the staging folder."""
    entries = [row.entry for row in rows]
    shards = plan_shards(entries, place(rows), shard_bytes, rows_per_group, with_originals=False)
    by_id = {row.id: row for row in rows}
    hidden = None if progress else True
    with (
        tqdm(total=len(rows), unit="row", desc="Packing", disable=hidden) as bar,
        ThreadPoolExecutor(workers) as pool,
    ):
        for shard in shards:
            members = [by_id[entry.key] for group in shard.row_groups for entry, _ in group]
            made, final = _places(staging, shard)
            if not os.path.exists(final) and not finished_digest(made):
                _require_pictures(staging, members)
                loaded = map_ahead(pool, staging.load, members, rows_per_group)
                write_shard(made, shard.fingerprints, _row_groups(shard, loaded), with_originals=False)
                _check_rows(made, shard)
                mark_finished(made)
            for row in members:
                staging.drop(row)
            bar.update(shard.rows)
    return shards


def _require_pictures(staging: Staging, members: Sequence[Staged]) -> None:
    """Makes sure that the pictures of a shard's rows are there. They go once the shard is finished: if that is
    damaged, its rows have to be encoded again.

    Raises:
        ValueError: some are not; their rows are forgotten.
    """
    gone = [row for row in members if not staging.has_pictures(row)]
    for row in gone:
        staging.forget(row)
    if gone:
        raise ValueError(
            f"{staging.folder}: a finished shard was damaged, and {len(gone)} rows have to be encoded again, "
            f"{gone[0].id} among them: give the command again"
        )


def _check_rows(file: str, shard: PlannedShard) -> None:
    """Makes sure that a shard holds the rows that were planned.

    Raises:
        ValueError: it does not; the message names a row.
    """
    planned = [entry.member.id for group in shard.row_groups for entry, _ in group]
    written = pq.read_table(file, columns=["id"])["id"].to_pylist()
    if written != planned:
        differing = sorted(set(written) ^ set(planned)) or ["their order"]
        raise ValueError(f"{file} does not hold the rows that it was to hold: {differing[0]}")


def _places(staging: Staging, shard: PlannedShard) -> tuple[str, str]:
    """Where a shard is made, and where it goes when all are."""
    return os.path.join(staging.folder, SHARDS, shard.path), os.path.join(staging.out, shard.path)


def _row_groups(shard: PlannedShard, rows: Iterator[dict]) -> Iterator[list[dict]]:
    for group in shard.row_groups:
        yield [next(rows) | placement.flags for _, placement in group]


def move_into_place(staging: Staging, shards: Sequence[PlannedShard]) -> None:
    """Moves the shards out of the staging folder, writes the manifest, and removes the folder."""
    for shard in shards:
        made, final = _places(staging, shard)
        if os.path.exists(made):
            move_whole(made, final)
    write_manifest(staging.out, Manifest(shards=inventory(DatasetDirectory(staging.out), Manifest())))
    done = f"{staging.folder}.{uuid.uuid4().hex}.done"
    os.replace(staging.folder, done)
    shutil.rmtree(done)
