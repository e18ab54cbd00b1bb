"""Assembles the files of a push: new shards, the updated card, and deletions of replaced files."""

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

import fsspec

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.inventory import shard_digest
from builder.dataset.manifest import (
    MANIFEST,
    Manifest,
    ShardEntry,
    join_runs,
    parse_manifest,
    read_manifest,
    write_manifest,
)
from builder.hub.agreement import Disagreement, Line, check, check_originals, read_lines
from builder.hub.diff import NewShard, compare, giving_way, settle
from builder.hub.metadata_copy import Origin, copy_metadata, copy_published
from builder.hub.repository import HubDataset, Snapshot
from builder.hub.versions import with_version
from builder.run.file_digest import FileDigest
from diffseg30k import LORA, UNEDITED

CARD = "README.md"

MakeCard = Callable[[str, str], object]
"""Makes the card of a dataset: called with a folder that reads like everything that will be there, where it writes
README.md and its figures, and with the local dataset. The folder's images read as zeros: pictures are made from
the local dataset's."""


@dataclass(frozen=True)
class Sender:
    """Who pushes what where.

    Attributes:
        dataset: the local dataset.
        local: its shards.
        hub: where they go.
        make_card: see MakeCard.
        scratch: an empty folder for the time of the push.
        replace: published shards give way to local ones that hold all of their rows.
        progress: show bars on stderr.
        tag: the name that the state after the push gets; None for no name.
    """

    dataset: DatasetDirectory
    local: Sequence[Shard]
    hub: HubDataset
    make_card: MakeCard
    scratch: str
    replace: bool
    progress: bool
    tag: str | None = None


@dataclass(frozen=True)
class Contents:
    """What is to be sent on top of a snapshot.

    Attributes:
        snapshot: what it was compared with.
        new: shards that the repository does not have.
        removed: paths of the shards that give way.
        card: path in the repository to local file, of the card and its figures that differ.
        new_rows: rows in the new shards.
        rows: number of rows after the push.
        manifest: of the dataset after the push.
    """

    snapshot: Snapshot
    new: tuple[NewShard, ...]
    removed: tuple[str, ...]
    card: dict[str, str]
    new_rows: int
    rows: int
    manifest: Manifest


def prepare(sender: Sender, snapshot: Snapshot, attempt: int) -> Contents:
    """Compares a local dataset with a repository, makes sure that they agree, and makes the card of both together.

    Raises:
        Disagreement: they do not agree; the message names the rows.
    """
    manifests = _Manifests(read_manifest(sender.dataset), published_manifest(sender.hub, snapshot))
    compared = compare(sender.dataset, sender.local, manifests.local, snapshot)
    if compared.rewritten and not sender.replace:
        raise Disagreement(
            f"{compared.rewritten[0]} is published with other bytes than yours has: "
            "pull it, or push with --replace to put yours in its place"
        )
    folder = os.path.join(sender.scratch, f"everything-{attempt}")
    everything = DatasetDirectory(folder)
    published = list(snapshot.shards.values())
    copy_published(sender.hub, snapshot, folder, os.path.join(sender.scratch, "pool"), sender.progress)
    old = {shard: read_lines(everything, shard) for shard in published}
    new = settle(sender.dataset, compared.new, _unedited_in_train(old))
    local = {_published(shard): read_lines(sender.dataset, shard.local) for shard in new}
    _refuse_withdrawn(local, manifests.published)
    if sender.replace:
        gone = giving_way(old, local, compared.rewritten, manifests.local.gone | manifests.published.gone)
    else:
        gone = set()
        _refuse_changes(old, local, manifests.local)
    for shard in gone:
        os.remove(os.path.join(folder, shard.path))
    _copy_new(sender, new, folder)
    lines = {shard: rows for shard, rows in old.items() if shard not in gone} | local
    check(lines)
    there = {line.id for rows in lines.values() for line in rows}
    manifest = manifests.together(there, _entries(sender, snapshot, manifests, lines, new))
    if sender.tag:
        manifest = with_version(manifest, sender.tag, sender.hub, everything, sender.scratch)
    write_manifest(folder, manifest)
    check_originals(everything, everything.shards())
    _copy_card(sender, snapshot, folder)
    sender.make_card(folder, sender.dataset.url)
    removed = sorted({shard.path for shard in gone} - {shard.path for shard in new})
    return Contents(
        snapshot=snapshot,
        new=new,
        removed=tuple(removed),
        card=_changed_card(snapshot, folder, shards_change=bool(new or removed)),
        new_rows=_count(local),
        rows=_count(lines),
        manifest=manifest,
    )


@dataclass(frozen=True)
class _Manifests:
    """The manifests of the local dataset and of the repository."""

    local: Manifest
    published: Manifest

    def together(self, there: Set[str], shards: Mapping[str, ShardEntry]) -> Manifest:
        """The manifest of both, for a dataset that then holds some rows in some shards."""
        withdrawn = {**self.local.withdrawn, **self.published.withdrawn}
        return Manifest(
            shards=shards,
            runs=join_runs(self.published.runs, self.local.runs),
            versions=self.published.versions,
            withdrawn=withdrawn,
            discarded=(self.published.discarded | self.local.discarded) - there - withdrawn.keys(),
        )


def published_manifest(hub: HubDataset, snapshot: Snapshot) -> Manifest:
    """The manifest of a repository; an empty one where it has none."""
    if MANIFEST not in snapshot.files:
        return Manifest()
    path = hub.path(MANIFEST, snapshot.commit)
    return parse_manifest(hub.call(lambda: hub.files.cat_file(path)), f"hf://{path}")


def _entries(
    sender: Sender,
    snapshot: Snapshot,
    manifests: _Manifests,
    lines: Mapping[Shard, Sequence[Line]],
    new: Sequence[NewShard],
) -> dict[str, ShardEntry]:
    """What the manifest says of the shards that are there after the push."""
    digests = {each.path: shard_digest(sender.dataset, each.local, manifests.local) for each in new}
    for shard in lines.keys() - {_published(each) for each in new}:
        digests[shard.path] = _digest(sender.hub, snapshot, shard, manifests.published.shards.get(shard.path))
    return {shard.path: ShardEntry(len(rows), digests[shard.path]) for shard, rows in lines.items()}


def _digest(hub: HubDataset, snapshot: Snapshot, shard: Shard, known: ShardEntry | None) -> FileDigest:
    file = snapshot.files[shard.path]
    if file.sha256:
        return FileDigest(file.size, file.sha256)
    if known and known.digest.size == file.size:
        return known.digest
    path = hub.path(shard.path, snapshot.commit)
    return FileDigest.of(hub.call(lambda: hub.files.cat_file(path)))


def _refuse_withdrawn(local: Mapping[Shard, Sequence[Line]], published: Manifest) -> None:
    """Makes sure that no row is pushed that was withdrawn from the repository."""
    ids = {line.id for lines in local.values() for line in lines}
    if back := sorted(ids & published.withdrawn.keys()):
        because = f" ({published.withdrawn[back[0]]})" if published.withdrawn[back[0]] else ""
        raise Disagreement(
            f"{len(back)} of your rows were withdrawn from the repository, {back[0]}{because} among them: "
            "withdraw them from your dataset too"
        )


def _refuse_changes(
    old: Mapping[Shard, Sequence[Line]], local: Mapping[Shard, Sequence[Line]], manifest: Manifest
) -> None:
    """Makes sure that a push which replaces nothing leaves nothing as it was that ought to change."""
    lora = {shard.group == LORA for shard in local}
    published = {line.id for shard, lines in old.items() for line in lines if (shard.group == LORA) in lora}
    ids = {line.id for lines in local.values() for line in lines}
    if again := sorted(published & ids):
        raise Disagreement(
            f"{len(again)} row ids are there twice, published and in new shards of yours, {again[0]} among them: "
            "push with --replace to put your rows in place of the published ones"
        )
    everywhere = {line.id for lines in old.values() for line in lines}
    if taken := sorted(everywhere & manifest.gone):
        raise Disagreement(
            f"{len(taken)} published rows were taken out of your dataset, {taken[0]} among them: "
            "push with --replace to take them out of the repository too"
        )


def _count(lines: Mapping[Shard, Sequence[Line]]) -> int:
    return sum(len(rows) for rows in lines.values())


def _unedited_in_train(lines: Mapping[Shard, Sequence[Line]]) -> int:
    return sum(len(rows) for shard, rows in lines.items() if (shard.side, shard.group) == ("train", UNEDITED))


def _published(new: NewShard) -> Shard:
    """A new shard as it will be in the repository."""
    _, side, group, _ = new.path.split("/")
    return Shard(new.path, side, group, new.local.size)


# ── A folder that reads like everything ───────────────────────────────────────────────────────────


def _copy_new(sender: Sender, new: Sequence[NewShard], folder: str) -> None:
    local = fsspec.filesystem("file")
    place = os.path.abspath(sender.dataset.url)
    copy_metadata(
        folder,
        [
            Origin(shard.path, local, os.path.join(place, shard.local.path), shard.local.size, shard.local.path)
            for shard in new
        ],
    )


def _copy_card(sender: Sender, snapshot: Snapshot, folder: str) -> None:
    """Gives a folder the repository's card, or else the local one, whose additions by people are to be kept."""
    if CARD in snapshot.files:
        path = sender.hub.path(CARD, snapshot.commit)
        card = sender.hub.call(lambda: sender.hub.files.cat_file(path))
    elif CARD in sender.dataset.names():
        card = sender.dataset.read(CARD)
    else:
        return
    with open(os.path.join(folder, CARD), "wb") as file:
        file.write(card)


# ── The card ──────────────────────────────────────────────────────────────────────────────────────


def _changed_card(snapshot: Snapshot, folder: str, shards_change: bool) -> dict[str, str]:
    """The card and those of its figures that differ from the repository's: path there to local file.

    Where no shard changes, another choice of example pictures is no reason to change the card: its figures are
    sent only if its text is.
    """
    made = {
        os.path.relpath(os.path.join(parent, name), folder).replace(os.sep, "/"): os.path.join(parent, name)
        for parent, _, names in os.walk(folder)
        for name in names
    }
    changed = {
        path: file
        for path, file in made.items()
        if not path.startswith("data/") and not _is_there(snapshot, path, file)
    }
    return changed if shards_change or {CARD, MANIFEST} & changed.keys() else {}


def _is_there(snapshot: Snapshot, path: str, file: str) -> bool:
    there = snapshot.files.get(path)
    if there is None or there.size != os.path.getsize(file):
        return False
    with open(file, "rb") as opened:
        data = opened.read()
    if there.sha256:
        return hashlib.sha256(data).hexdigest() == there.sha256
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest() == there.blob
