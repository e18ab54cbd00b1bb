"""Packs a run directory into the shards of a dataset.

Shards are written to `OUT/.packing` and moved into place when all are finished, so that an existing dataset stays
valid until then. A pack that was killed continues with its finished shards and ends in the same bytes.
"""

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tqdm import tqdm

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.existing import check_schema, occupied, sort_out
from builder.dataset.shards import Entry, PlannedShard, plan_shards, write_shard
from builder.dataset.splits import Occupied, place, place_lora
from builder.encoding.whole_file import move_whole
from builder.packing.finished_rows import Survey, survey
from builder.packing.options import PackOptions
from builder.packing.rows import BrokenImage, read_row
from builder.run.directory import BASES, RunDirectory
from builder.run.map_ahead import map_ahead
from diffseg30k import LORA, features

STAGING = ".packing"


@dataclass(frozen=True)
class PackReport:
    """What became of a run.

    Attributes:
        rows: rows in its shards.
        groups: folder of shards (`data/train/edited`) to its rows there.
        shards_written: shards that were not there before.
        shards_kept: shards that were there already, and were left as they are.
        shards_removed: shards of an earlier pack of the same run that are no longer right.
        rows_of_other_runs: rows in OUT that are not this run's.
        unfinished: images left out because edits of them are still to be made.
        rejected: images left out because their quality was found too low.
        surplus: number of accepted images left out because `build --target` wanted fewer.
        broken: images left out because a file of theirs is missing or damaged, and what is wrong.
    """

    rows: int
    groups: dict[str, int]
    shards_written: int
    shards_kept: int
    shards_removed: int
    rows_of_other_runs: int
    unfinished: tuple[str, ...]
    rejected: tuple[str, ...]
    surplus: int
    broken: dict[str, str]

    def lines(self) -> list[str]:
        """The report for people."""
        return [
            *(f"{folder}: {rows} rows" for folder, rows in sorted(self.groups.items())),
            f"shards: {self.shards_written} written, {self.shards_kept} kept, {self.shards_removed} removed",
            *(f"left out, unfinished: {image}" for image in self.unfinished),
            *(f"left out, quality too low: {image}" for image in self.rejected),
            *([f"left out, more than wanted: {self.surplus} images"] if self.surplus else []),
            *(f"left out, broken: {image}: {reason}" for image, reason in self.broken.items()),
        ]


def pack(run_url: str, out: str, options: PackOptions | None = None) -> PackReport:
    """Packs the finished images of a run.

    Shards that are in `out` already are not written again; those of an earlier pack of this run that are no longer
    right are removed; every other file in `out` is left alone.

    Args:
        run_url: the run directory, a folder or an fsspec URL.
        out: the folder of the dataset; made where it is missing.

    Raises:
        FileNotFoundError: there is no run at `run_url`.
        ValueError: nothing of the run is finished, or `out` holds what its rows cannot join.
    """
    options = options or PackOptions()
    run, dataset = RunDirectory(run_url), _dataset(out)
    if not run.exists(BASES):
        raise FileNotFoundError(f"{run_url} is not a run: it has no {BASES}; plan one there first")
    found = survey(run, options.with_originals)
    existing = sort_out(dataset, found.row_ids)
    _check_joining(dataset, existing.others, options)
    taken = occupied(dataset, existing.others)
    shards = _stage(run, out, found, taken, options)
    there = {shard.path for shard in existing.own}
    planned = {shard.path for shard in shards}
    _switch(out, planned - there, there - planned)
    return PackReport(
        rows=sum(shard.rows for shard in shards),
        groups=_rows_by_folder(shards),
        shards_written=len(planned - there),
        shards_kept=len(planned & there),
        shards_removed=len(there - planned),
        rows_of_other_runs=dataset.rows(existing.others),
        unfinished=tuple(found.unfinished),
        rejected=tuple(found.rejected),
        surplus=len(found.surplus),
        broken=dict(found.broken),
    )


def _dataset(out: str) -> DatasetDirectory:
    if "://" in out:
        raise ValueError(f"{out} is a URL: pack into a folder and push that")
    if os.path.exists(out) and not os.path.isdir(out):
        raise ValueError(f"{out} is a file: give a folder for the dataset")
    return DatasetDirectory(out)


def _check_joining(dataset: DatasetDirectory, others: tuple[Shard, ...], options: PackOptions) -> None:
    check_schema(dataset, others, features(options.with_originals).arrow_schema)
    beside = [shard for shard in others if (shard.group == LORA) == options.lora]
    if beside and not options.join:
        raise ValueError(
            f"{dataset.url} holds another run ({beside[0].path}); pack into another folder or let them join"
        )


def _rows_by_folder(shards: list[PlannedShard]) -> dict[str, int]:
    rows: Counter[str] = Counter()
    for shard in shards:
        rows[os.path.dirname(shard.path)] += shard.rows
    return dict(rows)


# ── Making the shards ─────────────────────────────────────────────────────────────────────────────


def _stage(
    run: RunDirectory, out: str, found: Survey, taken: Occupied, options: PackOptions
) -> list[PlannedShard]:
    """Makes all shards that are not there yet, in the staging folder. A broken image is left out of the plan."""
    while True:
        shards = _plan(run, found, taken, options)
        try:
            _write_missing(run, out, found, shards, options)
        except BrokenImage as error:
            found.drop(error.image, error.reason)
            continue
        return shards


def _plan(run: RunDirectory, found: Survey, taken: Occupied, options: PackOptions) -> list[PlannedShard]:
    if not found.entries:
        raise ValueError(
            f"{run.url}: nothing to pack: {len(found.unfinished)} images are unfinished, "
            f"{len(found.rejected)} rejected, {len(found.broken)} broken{_first(found.broken)}"
        )
    members = [entry.member for entry in found.entries]
    placements = place_lora(members) if options.lora else place(members, taken)
    return plan_shards(
        found.entries, placements, options.shard_bytes, options.rows_per_group, options.with_originals
    )


def _first(broken: dict[str, str]) -> str:
    return "".join(f" ({image}: {reason})" for image, reason in itertools.islice(broken.items(), 1))


def _write_missing(
    run: RunDirectory, out: str, found: Survey, shards: list[PlannedShard], options: PackOptions
) -> None:
    def load(entry: Entry) -> dict:
        image = found.images[entry.key]
        return read_row(run, image.base, image.score, options.with_originals)

    hidden = None if options.progress else True
    with (
        tqdm(total=sum(shard.rows for shard in shards), unit="row", desc="Packing", disable=hidden) as bar,
        ThreadPoolExecutor(options.threads) as pool,
    ):
        for shard in shards:
            staged = os.path.join(out, STAGING, shard.path)
            if not os.path.exists(os.path.join(out, shard.path)) and not os.path.exists(staged):
                rows = _row_groups(pool, load, shard, options.rows_per_group)
                write_shard(staged, rows, options.with_originals)
            bar.update(shard.rows)


def _row_groups(
    pool: ThreadPoolExecutor, load: Callable[[Entry], dict], shard: PlannedShard, ahead: int
) -> Iterator[list[dict]]:
    """The rows of a shard with their flags; while one group is being written the next is read."""
    rows = map_ahead(pool, load, (entry for group in shard.row_groups for entry, _ in group), ahead)
    for group in shard.row_groups:
        yield [next(rows) | placement.flags for _, placement in group]


# ── Moving them into place ────────────────────────────────────────────────────────────────────────


def _switch(out: str, new: set[str], stale: set[str]) -> None:
    for path in sorted(new):
        move_whole(os.path.join(out, STAGING, path), os.path.join(out, path))
    for path in sorted(stale):
        os.remove(os.path.join(out, path))
        if not os.listdir(os.path.dirname(os.path.join(out, path))):
            os.rmdir(os.path.dirname(os.path.join(out, path)))
    shutil.rmtree(os.path.join(out, STAGING), ignore_errors=True)
