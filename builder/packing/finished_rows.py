"""Lists the images of a run that can be packed, from records and file sizes, without reading an image."""

import dataclasses
import hashlib
import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from builder.dataset.shards import Entry
from builder.dataset.splits import Member
from builder.packing.rows import BrokenImage, final_digest, read_records
from builder.run.bases import Base, read_bases
from builder.run.directory import RunDirectory, base_path, image_path, mask_path, record_path
from builder.run.file_digest import FileDigest
from builder.run.records import EditRecord
from builder.run.scores import Score, read_score
from builder.run.surplus import read_surplus
from diffseg30k import MAX_TURNS, SOURCES


@dataclass(frozen=True)
class FinishedImage:
    """An image whose planned edits are all there and whose quality, where it was scored, is accepted."""

    base: Base
    score: Score | None


@dataclass
class Survey:
    """The images of a run, divided into those that can be packed and those that cannot.

    Attributes:
        images: those that can be packed, by name.
        entries: what the shards are planned from, one per image of `images`, in the same order.
        unfinished: names of the images that wait for an edit, or whose edit failed.
        rejected: names of the images whose quality was found too low.
        surplus: names of the accepted images that `build --target` found to be more than wanted.
        broken: name to what is wrong, of the images that cannot be packed.
        row_ids: the rows of all images of the run, packed or not.
        discarded_ids: the rows of `rejected` and `surplus`.
    """

    images: dict[str, FinishedImage] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    surplus: list[str] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    row_ids: set[str] = field(default_factory=set)
    discarded_ids: set[str] = field(default_factory=set)

    def leave_out(self, row_ids: Container[str]) -> tuple[str, ...]:
        """Takes out the images of some rows, and says which they are."""
        left_out = {entry.key for entry in self.entries if entry.member.id in row_ids}
        self.entries = [entry for entry in self.entries if entry.key not in left_out]
        return tuple(name for name in list(self.images) if name in left_out and self.images.pop(name))

    def drop(self, image: str, reason: str) -> None:
        """Takes an image out that turned out to be broken."""
        del self.images[image]
        self.entries = [entry for entry in self.entries if entry.key != image]
        self.broken[image] = reason


def survey(run: RunDirectory, with_originals: bool) -> Survey:
    """Lists the images of a run.

    Args:
        with_originals: the base image has to be there too.

    Raises:
        FileNotFoundError: the run has no `bases.parquet`.
        ValueError: two images of the run have one row id.
    """
    found = Survey()
    sizes = _sizes(run)
    scored = run.names("scores")
    surplus = read_surplus(run)
    for base in read_bases(run):
        if base.row_id in found.row_ids:
            raise ValueError(
                f"{run.url}: two images have the row id {base.row_id!r}, {base.image!r} is one of them"
            )
        found.row_ids.add(base.row_id)
        if any(record_path(base.image, turn) not in sizes for turn in range(1, base.num_edits + 1)):
            found.unfinished.append(base.image)
            continue
        try:
            score = _read_score(run, base.image) if f"{base.image}.json" in scored else None
            if score and not score.accepted:
                found.rejected.append(base.image)
                found.discarded_ids.add(base.row_id)
                continue
            if base.image in surplus:
                found.surplus.append(base.image)
                found.discarded_ids.add(base.row_id)
                continue
            found.entries.append(_entry(run, base, score, sizes, with_originals))
            found.images[base.image] = FinishedImage(base, score)
        except BrokenImage as error:
            found.broken[error.image] = error.reason
    return found


def _sizes(run: RunDirectory) -> dict[str, int]:
    folders = ["bases", *(f"turn-{turn}" for turn in range(1, MAX_TURNS + 1))]
    return {f"{folder}/{name}": size for folder in folders for name, size in run.sizes(folder).items()}


def _read_score(run: RunDirectory, image: str) -> Score:
    try:
        return read_score(run, image)
    except ValueError as error:
        raise BrokenImage(image, str(error)) from error


def _entry(
    run: RunDirectory, base: Base, score: Score | None, sizes: Mapping[str, int], with_originals: bool
) -> Entry:
    if base.source not in SOURCES:
        raise BrokenImage(base.image, f"its source {base.source!r} is none of {', '.join(SOURCES)}")
    records = read_records(run, base)
    files = {image_path(base.image, base.num_edits): final_digest(base, records)}
    files |= {mask_path(base.image, record.turn): record.mask_file for record in records}
    if with_originals:
        files[base_path(base.image)] = base.digest
    for path, digest in files.items():
        if problem := digest.problem(sizes.get(path)) if digest else path not in sizes and "is missing":
            raise BrokenImage(base.image, f"{path} {problem}")
    file_sizes = [sizes[path] for path in files]
    return Entry(
        key=base.image,
        member=Member(base.row_id, base.base_id, tuple(record.generator for record in records)),
        size=sum(file_sizes),
        fingerprint=_fingerprint(base, records, score, [*files.values()], file_sizes),
    )


def _fingerprint(
    base: Base,
    records: list[EditRecord],
    score: Score | None,
    digests: list[FileDigest | None],
    file_sizes: list[int],
) -> bytes:
    """A digest of all that the row is made of. The pixels of a run without digests go in by their measured changes
    and encoded sizes."""
    content = [
        base.content(),
        [record.in_dataset() for record in records],
        dataclasses.asdict(score) if score else None,
        [digest.sha256 if digest else size for digest, size in zip(digests, file_sizes, strict=True)],
    ]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
