"""Imports the published zip archives as Parquet shards.

Members are read by range from a local file or a URL. Encoded rows are stored in `OUT/.importing` until all are
there, and are then divided into shards like the rows of a run. Train and validation stay as published: the side
comes from the archive and not from a hash.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from tqdm import tqdm

from builder.archives.mask_labels import MaskLabels, ValueCounts, read_labels
from builder.archives.pairs import Pair, Skip, pairs, printable
from builder.archives.pixels import BROKEN, Unusable, encode_pair, read_mask_values
from builder.archives.shards import move_into_place, write_shards
from builder.archives.staging import Staging
from builder.archives.zip_members import Archive, MemberError, open_archive
from builder.archives.zip_scan import name_of
from builder.dataset.directory import DatasetDirectory
from builder.encoding.secrets import redact
from builder.encoding.whole_file import whole_file
from builder.packing.options import ROWS_PER_GROUP, SHARD_BYTES
from builder.run.map_ahead import map_ahead
from diffseg30k import SIDES

NAMED = 20
"""Members that a report names."""

SKIPPED = "skipped.csv"
"""The file beside the shards that names everything that was left out."""


@dataclass(frozen=True)
class ImportOptions:
    """How published archives are imported.

    Attributes:
        labels: JSON, TOML or CSV file that maps mask values to generators, see
            `mask_labels.read_labels`. `count_mask_values` shows the values that there are.
        shard_bytes: about how large a shard becomes.
        rows_per_group: rows in a Parquet row group at most; a filter skips whole row groups.
        workers: how many pairs are encoded at a time.
        progress: show a bar on stderr.
    """

    labels: str
    shard_bytes: int = SHARD_BYTES
    rows_per_group: int = ROWS_PER_GROUP
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    progress: bool = True


@dataclass(frozen=True)
class ImportReport:
    """What became of the archives.

    Attributes:
        members: files in the archives.
        rows: rows in the shards; each is made of two members.
        groups: folder of shards (`data/train/edited`) to its rows.
        shards: how many there are.
        skipped: what was left out, and why.
        skip_file: the file that names all of it; None where nothing was left out.
    """

    members: int
    rows: int
    groups: dict[str, int]
    shards: int
    skipped: tuple[Skip, ...]
    skip_file: str | None = None

    def lines(self) -> list[str]:
        """What to tell the user."""
        places = ", ".join(f"{place} {rows:,}" for place, rows in sorted(self.groups.items()))
        reasons = Counter(skip.reason for skip in self.skipped)
        return [
            f"imported {self.rows:,} rows into {self.shards:,} shards: {places}",
            *(f"left out {count:,}: {reason}" for reason, count in reasons.most_common()),
            *(f"  {skip}" for skip in self.skipped[:NAMED]),
            *([f"  and {len(self.skipped) - NAMED:,} more"] if len(self.skipped) > NAMED else []),
            *([f"all of it: {self.skip_file}"] if self.skip_file else []),
        ]


def import_archives(archives: Sequence[str], out: str, options: ImportOptions) -> ImportReport:
    """Imports the published archives into a folder.

    An import that was cut off goes on where it was when it is repeated, and ends in the same shards.

    Args:
        archives: paths or URLs that fsspec reads, such as `https://` and `hf://`; the split
            of each begins its file name (`train.zip`, `validation.zip`) or is given as `train=FILE`.
        out: the folder of the dataset, made where it is missing.

    Raises:
        FileNotFoundError: an archive or the labels file is not there.
        ValueError: an archive is no zip archive, the labels make no sense, or `out` holds a dataset already.
        ConnectionError: an archive cannot be read any more; repeat the import to go on.
    """
    placed = _placed(archives)
    labels = read_labels(options.labels)
    for _, url in placed:  # a wrong name is to leave nothing behind
        with open_archive(url):
            pass
    staging = _open_staging(out, placed, labels)
    members, skipped = 0, list[Skip]()
    for number, (side, url) in enumerate(placed):
        position = [earlier for earlier, _ in placed[:number]].count(side)
        seen, skips = _encode_archive(side, url, position, labels, staging, options)
        members, skipped = members + seen, skipped + skips
    rows, unusable = staging.read()
    skipped += unusable
    _check_members(staging, members, len(rows), skipped)
    skip_file = _write_skips(out, skipped)
    if not rows:
        raise ValueError(f"{', '.join(redact(url) for _, url in placed)}: no pair of image and mask can be used")
    shards = write_shards(
        rows, staging, options.shard_bytes, options.rows_per_group, options.workers, options.progress
    )
    move_into_place(staging, shards)
    groups: Counter[str] = Counter()
    for shard in shards:
        groups[os.path.dirname(shard.path)] += shard.rows
    return ImportReport(members, len(rows), dict(groups), len(shards), tuple(skipped), skip_file)


def _placed(archives: Sequence[str]) -> list[tuple[str, str]]:
    """The side and URL of each archive.

    Raises:
        ValueError: one is of no side, or given twice.
    """
    placed = [side_of(archive) for archive in archives]
    urls = [url for _, url in placed]
    if twice := [url for url in urls if urls.count(url) > 1]:
        raise ValueError(f"{redact(twice[0])} is given twice: name each archive once")
    return placed


def _check_members(staging: Staging, members: int, rows: int, skipped: Sequence[Skip]) -> None:
    """Makes sure that every member is part of a row or named as left out.

    Raises:
        ValueError: some are not.
    """
    told = 2 * rows + sum(skip.members for skip in skipped)
    if told != members:
        raise ValueError(
            f"{members:,} members were read and {told:,} are in rows or left out: the archives have changed since "
            f"the import began; delete {staging.folder} and import again"
        )


def _write_skips(out: str, skipped: Sequence[Skip]) -> str | None:
    """Writes what was left out, one line each, and returns the file's path; removes it where nothing was."""
    path = os.path.join(out, SKIPPED)
    if not skipped:
        with suppress(FileNotFoundError):
            os.remove(path)
        return None
    with whole_file(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("archive", "member", "reason", "detail", "members"))
        writer.writerows((skip.archive, skip.member, skip.reason, skip.detail, skip.members) for skip in skipped)
    return path


def count_mask_values(archives: Sequence[str], progress: bool = True) -> ValueCounts:
    """Counts which values the masks of archives hold, so that a labels file can be written. No image is read.

    Raises:
        As `import_archives`.
    """
    counts = ValueCounts()
    for side, url in (side_of(archive) for archive in archives):
        with open_archive(url) as archive, _bar(archive, "Counting mask values", progress) as bar:
            for found in pairs(archive, side):
                if isinstance(found, Pair):
                    bar.update(2)
                    try:
                        counts.add(read_mask_values(archive.read(found.mask)))
                    except (MemberError, Unusable):
                        continue  # the import names it
    return counts


def side_of(archive: str) -> tuple[str, str]:
    """The side of an archive, and its URL.

    Raises:
        ValueError: neither its file name nor a prefix names the split.
    """
    prefix, _, rest = archive.partition("=")
    if prefix in SIDES and rest:
        return prefix, rest
    name = archive.split("?")[0].rstrip("/").rsplit("/", 1)[-1].lower()
    matches = {"train": name.startswith("train"), "validation": name.startswith("val")}
    for side in SIDES:
        if matches[side]:
            return side, archive
    raise ValueError(f"{redact(archive)}: is it train or validation? Say train={redact(archive)} or validation=…")


# ── Encoding ──────────────────────────────────────────────────────────────────────────────────────


def _open_staging(out: str, placed: list[tuple[str, str]], labels: MaskLabels) -> Staging:
    staging = Staging(out)
    if not os.path.exists(staging.folder) and (there := DatasetDirectory(out).shards()):
        raise ValueError(f"{out} holds a dataset already ({there[0].path}): import into another folder")
    meaning = {str(value): label for value, label in labels.classes.items()}
    archives = [f"{side}={redact(url)}" for side, url in placed]
    staging.begin({"archives": archives, "labels": dict(sorted(meaning.items()))})
    return staging


def _encode_archive(
    side: str, url: str, position: int, labels: MaskLabels, staging: Staging, options: ImportOptions
) -> tuple[int, list[Skip]]:
    """Encodes the pairs of an archive that are not encoded yet; the number of its members, and what is no pair."""
    skipped: list[Skip] = []
    paired = 0
    finished = staging.finished()

    def encode(work: tuple[Pair, bytes, bytes]) -> None:
        pair, image, mask = work
        try:
            staging.add(pair.id, side, encode_pair(image, mask, labels))
        except Unusable as error:
            name = printable(name_of(pair.image))
            staging.add_skip(pair.id, Skip(archive.url, name, error.reason, error.detail, members=2))

    def unfinished() -> Iterator[tuple[Pair, bytes, bytes]]:
        nonlocal paired
        for found in pairs(archive, side, position):
            if isinstance(found, Skip):
                skipped.append(found)
                continue
            paired += 2
            if found.id in finished:
                bar.update(2)
            elif data := _read(archive, found, staging):
                yield found, *data

    with (
        open_archive(url) as archive,
        _bar(archive, f"Importing {side}", options.progress) as bar,
        ThreadPoolExecutor(options.workers) as pool,
    ):
        for _ in map_ahead(pool, encode, unfinished(), 2 * options.workers):
            bar.update(2)
    return paired + sum(skip.members for skip in skipped), skipped


def _read(archive: Archive, pair: Pair, staging: Staging) -> tuple[bytes, bytes] | None:
    for member in (pair.image, pair.mask):
        try:
            data = archive.read(member)
        except MemberError as error:
            skip = Skip(archive.url, printable(name_of(member)), BROKEN, str(error), members=2)
            staging.add_skip(pair.id, skip)
            return None
        if member is pair.image:
            image = data
    return image, data


def _bar(archive: Archive, text: str, progress: bool) -> tqdm:
    return tqdm(total=archive.count, unit="member", desc=text, disable=None if progress else True)
