"""Packs a run directory into the shards of a dataset.

A dataset grows: a row that lies in a shard stays there, new rows get shards of their own, and only shards with
rows that changed or were discarded are written again. Shards are written to `OUT/.packing` and moved into place
when all are finished, so that an existing dataset stays valid until then. A pack that was killed continues with
its finished shards and ends in the same bytes.
"""

import dataclasses
import itertools
import os
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

from builder.dataset.directory import DatasetDirectory
from builder.dataset.existing import Existing, Standing, check_schema, occupied, read_existing, sort_out
from builder.dataset.inventory import inventory_after
from builder.dataset.manifest import Manifest, RunEntry, ShardEntry, join_runs, read_manifest
from builder.dataset.shards import Entry, PlannedShard, plan_shard, plan_shards
from builder.dataset.splits import Occupied, place, place_lora
from builder.packing.finished_rows import Survey, survey
from builder.packing.options import PackOptions
from builder.packing.rows import read_row
from builder.packing.stage import Staged, stage
from builder.packing.switch import finish_switch, switch
from builder.run.directory import OPTIONS, RunDirectory, require_bases
from builder.run.file_digest import REPAIR, FileDigest
from diffseg30k import features, folder


@dataclass(frozen=True)
class PackReport:
    """What became of a run.

    Attributes:
        rows: rows in its shards.
        groups: folder of shards (`data/train/edited`) to its rows there.
        shards_written: shards that were not there before.
        shards_kept: shards that were there already, of this run or of others, and were left as they are.
        shards_removed: shards of an earlier pack of the same run that others took the place of.
        rows_of_other_runs: rows in OUT that are not this run's.
        unfinished: images left out because edits of them are still to be made.
        rejected: images left out because their quality was found too low.
        withdrawn: images left out because their rows were withdrawn from the dataset.
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
    withdrawn: tuple[str, ...]
    surplus: int
    broken: dict[str, str]

    def lines(self) -> list[str]:
        """The report for people."""
        return [
            *(f"{folder}: {rows} rows" for folder, rows in sorted(self.groups.items())),
            f"shards: {self.shards_written} written, {self.shards_kept} kept, {self.shards_removed} removed",
            *(f"left out, unfinished: {image}" for image in self.unfinished),
            *(f"left out, quality too low: {image}" for image in self.rejected),
            *(f"left out, withdrawn: {image}" for image in self.withdrawn),
            *([f"left out, more than wanted: {self.surplus} images"] if self.surplus else []),
            *(f"left out, broken: {image}: {reason}" for image, reason in self.broken.items()),
            *([f"to make what is broken again: {REPAIR}"] if self.broken else []),
        ]


def pack(run_url: str, out: str, options: PackOptions | None = None) -> PackReport:
    """Packs the finished images of a run.

    `out` may hold rows already, of an earlier pack of this run or of other runs. They stay in their shards; rows
    of this run that are discarded now go, those that changed are written again, and every other file is left
    alone. A row that was withdrawn does not come back.

    Args:
        run_url: the run directory, a folder or an fsspec URL.
        out: the folder of the dataset; made where it is missing.

    Raises:
        FileNotFoundError: there is no run at `run_url`.
        ValueError: nothing of the run is finished, or `out` holds what its rows cannot join.
    """
    options = options or PackOptions()
    run, dataset = RunDirectory(run_url), _dataset(out)
    require_bases(run)
    finish_switch(out)
    found = survey(run, options.with_originals)
    manifest = read_manifest(dataset)
    withdrawn = found.leave_out(manifest.withdrawn)
    check_schema(dataset, dataset.shards(), features(options.with_originals).arrow_schema)
    standing = _standing(dataset, found)
    staged = _stage(run, out, found, standing, occupied(dataset, standing.kept_shards), options)
    there = {each.shard.path for each in standing.changed}
    planned = {shard.path for shard in staged.shards}
    report = _report(found, standing, staged.shards, withdrawn)
    new = {
        shard.path: ShardEntry(shard.rows, staged.digests[shard.path])
        for shard in staged.shards
        if shard.path in staged.digests
    }
    after = dataclasses.replace(
        _manifest(manifest, found, standing),
        shards=inventory_after(dataset, manifest, new, there - planned),
        runs=join_runs(manifest.runs, [_run_entry(run, report)]),
    )
    switch(out, staged.digests, there - planned, after)
    return report


def _run_entry(run: RunDirectory, report: PackReport) -> RunEntry:
    options = FileDigest.of(run.read(OPTIONS)).sha256 if run.exists(OPTIONS) else None
    name = run.url.rstrip("/").rsplit("/", 1)[-1]
    return RunEntry(name, options, report.rows, len(report.rejected) + report.surplus)


def _standing(dataset: DatasetDirectory, found: Survey) -> Standing:
    fingerprints = {entry.member.id: entry.fingerprint.hex() for entry in found.entries}
    return sort_out(dataset.url, read_existing(dataset), fingerprints, found.discarded_ids, found.row_ids)


def _manifest(manifest: Manifest, found: Survey, standing: Standing) -> Manifest:
    """What the manifest says after the pack: rows that were packed once and are discarded now are remembered."""
    packed = {entry.member.id for entry in found.entries}
    gone = {row for each in standing.changed for row in each.rows} & found.discarded_ids
    return dataclasses.replace(manifest, discarded=(manifest.discarded | gone) - packed)


def _report(
    found: Survey, standing: Standing, shards: Sequence[PlannedShard], withdrawn: tuple[str, ...]
) -> PackReport:
    groups: Counter[str] = Counter()
    for shard in shards:
        groups[os.path.dirname(shard.path)] += shard.rows
    for each in standing.kept:
        groups[each.shard.folder] += len(each.rows.keys() & found.row_ids)
    there = {each.shard.path for each in standing.changed}
    planned = {shard.path for shard in shards}
    return PackReport(
        rows=groups.total(),
        groups=dict(+groups),
        shards_written=len(planned - there),
        shards_kept=len(standing.kept) + len(planned & there),
        shards_removed=len(there - planned),
        rows_of_other_runs=sum(len(each.rows.keys() - found.row_ids) for each in standing.kept),
        unfinished=tuple(found.unfinished),
        rejected=tuple(found.rejected),
        withdrawn=withdrawn,
        surplus=len(found.surplus),
        broken=dict(found.broken),
    )


def _dataset(out: str) -> DatasetDirectory:
    if "://" in out:
        raise ValueError(f"{out} is a URL: pack into a folder and push that")
    if os.path.exists(out) and not os.path.isdir(out):
        raise ValueError(f"{out} is a file: give a folder for the dataset")
    return DatasetDirectory(out)


# ── Making the shards ─────────────────────────────────────────────────────────────────────────────


def _stage(
    run: RunDirectory, out: str, found: Survey, standing: Standing, taken: Occupied, options: PackOptions
) -> Staged:
    """Makes all shards that are not there yet, in the staging folder, and takes broken images out of `found`.

    Raises:
        ValueError: nothing is left to pack, or a row of a shard that is written again is broken now.
    """

    def load(entry: Entry) -> dict:
        image = found.images[entry.key]
        return read_row(run, image.base, image.score, options.with_originals)

    planned = _plan(run, out, found, standing, taken, options)
    staged = stage(out, planned, load, options)
    row_ids = {image: found.images[image].base.row_id for image in staged.broken}
    for image, reason in staged.broken.items():
        found.drop(image, reason)
    _require_rows(run, found, standing)
    for each in standing.changed:
        _refuse_loss(out, each, {row for row in row_ids.values() if row in each.rows})
    return staged


def _refuse_loss(out: str, each: Existing, lost: Set[str]) -> None:
    """Makes sure that no row goes because its image is unfinished or broken now."""
    if lost:
        raise ValueError(
            f"{out}/{each.shard.path} has to be written again and holds the row {min(lost)}, whose image is "
            f"unfinished or damaged by now: {REPAIR}, then pack"
        )


def _require_rows(run: RunDirectory, found: Survey, standing: Standing) -> None:
    if not found.entries and not any(found.row_ids & each.rows.keys() for each in standing.kept):
        raise ValueError(
            f"{run.url}: nothing to pack: {len(found.unfinished)} images are unfinished, "
            f"{len(found.rejected)} rejected, {len(found.broken)} broken{_first(found.broken)}"
        )


def _plan(
    run: RunDirectory, out: str, found: Survey, standing: Standing, taken: Occupied, options: PackOptions
) -> list[PlannedShard]:
    """The shards to be written: one for the rows of each one that changed, and those of new rows."""
    _require_rows(run, found, standing)
    there = {row for each in standing.kept for row in each.rows}
    entries = [entry for entry in found.entries if entry.member.id not in there]
    members = [entry.member for entry in entries]
    placements = place_lora(members) if options.lora else place(members, taken)
    rows = dict(zip((member.id for member in members), zip(entries, placements, strict=True), strict=True))
    again = []
    for each in standing.changed:
        _refuse_loss(out, each, each.rows.keys() - rows.keys() - found.discarded_ids)
        staying = [rows.pop(row) for row in each.rows if row in rows]
        for home in sorted({(placement.side, placement.group) for _, placement in staying}):
            chosen = [row for row in staying if (row[1].side, row[1].group) == home]
            again.append(plan_shard(folder(*home), chosen, options.rows_per_group, options.with_originals))
    new = list(rows.values())
    return again + plan_shards(
        [entry for entry, _ in new],
        [placement for _, placement in new],
        options.shard_bytes,
        options.rows_per_group,
        options.with_originals,
    )


def _first(broken: dict[str, str]) -> str:
    return "".join(f" ({image}: {reason})" for image, reason in itertools.islice(broken.items(), 1))
