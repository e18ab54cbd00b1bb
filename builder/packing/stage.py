"""Writes the shards of a pack into its staging folder, without the rows of broken images.

OUT/.packing/data/train/edited/0123456789abcdef.parquet
OUT/.packing/data/train/edited/0123456789abcdef.parquet.json   its size and SHA-256: it is finished
"""

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm

from builder.dataset.shards import Entry, PlannedShard, without, write_shard
from builder.encoding.json_document import JsonDocument
from builder.encoding.whole_file import write_whole
from builder.packing.options import PackOptions
from builder.packing.rows import BrokenImage
from builder.packing.switch import STAGING
from builder.run.file_digest import FileDigest, digest_file
from builder.run.map_ahead import map_ahead

_FINISHED = JsonDocument("the digest of a shard", 1, FileDigest.parse, "delete it to write the shard anew")


@dataclasses.dataclass(frozen=True)
class Staged:
    """The shards of a pack.

    Attributes:
        shards: those that are in the staging folder, or were in OUT already.
        digests: path to digest, of those in the staging folder.
        broken: image to what is wrong with it; its row is in no shard.
    """

    shards: tuple[PlannedShard, ...]
    digests: dict[str, FileDigest]
    broken: dict[str, str]


def stage(out: str, shards: Sequence[PlannedShard], load: Callable[[Entry], dict], options: PackOptions) -> Staged:
    """Writes the shards that are neither in OUT nor finished in the staging folder.

    A broken image costs its own row: the others of its shard are written all the same.

    Args:
        out: the folder of the dataset.
        shards: as planned.
        load: an entry to its row without held-out columns; raises BrokenImage.
    """
    written: list[PlannedShard] = []
    digests: dict[str, FileDigest] = {}
    broken: dict[str, str] = {}
    rows = sum(shard.rows for shard in shards)
    with (
        tqdm(total=rows, unit="row", desc="Packing", disable=None if options.progress else True) as bar,
        ThreadPoolExecutor(options.threads) as pool,
    ):
        for shard in shards:
            if os.path.exists(os.path.join(out, shard.path)):
                written.append(shard)
            elif digest := finished_digest(_place(out, shard)):
                written.append(shard)
                digests[shard.path] = digest
            else:
                made, digest, bad = _write(out, shard, pool, load, options)
                broken |= bad
                if digest:
                    written.append(made)
                    digests[made.path] = digest
            bar.update(shard.rows)
    return Staged(tuple(written), digests, broken)


def _place(out: str, shard: PlannedShard) -> str:
    return os.path.join(out, STAGING, shard.path)


def mark_finished(place: str) -> FileDigest:
    """Writes the digest of a finished shard beside it, and returns it."""
    digest = digest_file(place)
    write_whole(f"{place}.json", _FINISHED.dump(dataclasses.asdict(digest)))
    return digest


def finished_digest(place: str) -> FileDigest | None:
    """The digest of a shard that an earlier call has finished; None where it is missing or damaged by now."""
    try:
        with open(f"{place}.json", "rb") as file:
            digest = _FINISHED.load(file.read(), f"{place}.json")
        return digest if digest == digest_file(place) else None
    except (FileNotFoundError, ValueError):
        return None


def _write(
    out: str,
    shard: PlannedShard,
    pool: ThreadPoolExecutor,
    load: Callable[[Entry], dict],
    options: PackOptions,
) -> tuple[PlannedShard, FileDigest | None, dict[str, str]]:
    """Writes a shard; what it holds then, its digest or None if no row could be read, and the broken images."""
    broken: dict[str, str] = {}
    place = _place(out, shard)
    groups = _row_groups(pool, load, shard, options.rows_per_group, broken)
    write_shard(place, shard.fingerprints, groups, options.with_originals)
    made = without(shard, broken.keys(), options.with_originals) if broken else shard
    if not made.rows:
        os.remove(place)
        return made, None, broken
    os.replace(place, _place(out, made))
    return made, mark_finished(_place(out, made)), broken


def _row_groups(
    pool: ThreadPoolExecutor,
    load: Callable[[Entry], dict],
    shard: PlannedShard,
    ahead: int,
    broken: dict[str, str],
) -> Iterator[list[dict]]:
    """The rows of a shard with their flags; while one group is being written the next is read."""

    def row_or_error(entry: Entry) -> dict | BrokenImage:
        try:
            return load(entry)
        except BrokenImage as error:
            return error

    rows = map_ahead(pool, row_or_error, (entry for group in shard.row_groups for entry, _ in group), ahead)
    for group in shard.row_groups:
        read = []
        for entry, placement in group:
            row = next(rows)
            if isinstance(row, BrokenImage):
                broken[entry.key] = row.reason
            else:
                read.append(row | placement.flags)
        if read:
            yield read
