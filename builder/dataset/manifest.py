"""Reads and writes `diffseg30k.json` of a dataset: its shards, runs and versions, and what was taken out."""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.dataset.directory import DatasetDirectory
from builder.encoding.json_document import JsonDocument
from builder.encoding.whole_file import write_whole
from builder.run.file_digest import FileDigest

MANIFEST = "diffseg30k.json"


@dataclass(frozen=True)
class ShardEntry:
    """What the manifest says of a shard.

    Attributes:
        rows: how many it holds.
        digest: its bytes and their SHA-256.
    """

    rows: int
    digest: FileDigest


@dataclass(frozen=True)
class RunEntry:
    """A run that was packed into the dataset, as it was when it was packed last.

    Attributes:
        name: of its directory.
        options_sha256: digest of its `options.json`; None where it has none. Two runs of one name differ in it.
        accepted: its rows in the dataset.
        discarded: its images that were left out since their quality was found too low, or as more than wanted.
    """

    name: str
    options_sha256: str | None
    accepted: int
    discarded: int

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.options_sha256 or ""


@dataclass(frozen=True)
class Version:
    """A state of the dataset that has a name on the Hub.

    Attributes:
        tag: its name there.
        date: of the push, as `2026-11-25`.
        rows: rows that it holds.
        shards: shards that hold them.
        since: the tag that it is compared with; None for the first version.
        added: rows that `since` does not hold.
        changed: rows that `since` holds otherwise.
        removed: rows that only `since` holds.
    """

    tag: str
    date: str
    rows: int
    shards: int
    since: str | None
    added: int
    changed: int
    removed: int

    def summary(self) -> str:
        """What it holds and what changed, in one line."""
        return f"{self.rows:,} rows in {self.shards:,} shards; {self.changes()}"

    def changes(self) -> str:
        """What changed, in words."""
        if self.since is None:
            return "the first version"
        changes = {"added": self.added, "changed": self.changed, "removed": self.removed}
        told = ", ".join(f"{count:,} {what}" for what, count in changes.items() if count) or "no row changed"
        return f"since {self.since}: {told}"


@dataclass(frozen=True)
class Manifest:
    """What a dataset says of itself.

    Attributes:
        shards: path of each shard to what it holds.
        runs: the runs whose rows are in it, ordered by their keys.
        versions: the states that were tagged, oldest first.
        withdrawn: id of each row that was withdrawn to the reason, which may be empty. Such a row never returns.
        discarded: ids of rows that were packed, and discarded when they were scored anew. One that is accepted
            again returns.
    """

    shards: Mapping[str, ShardEntry] = field(default_factory=dict)
    runs: tuple[RunEntry, ...] = ()
    versions: tuple[Version, ...] = ()
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    discarded: frozenset[str] = frozenset()

    @property
    def gone(self) -> frozenset[str]:
        """The ids of all rows that were taken out."""
        return self.discarded | self.withdrawn.keys()


def join_runs(earlier: Iterable[RunEntry], later: Iterable[RunEntry]) -> tuple[RunEntry, ...]:
    """The runs of two manifests; of a run that is in both, what `later` says."""
    found = {run.key: run for run in (*earlier, *later)}
    return tuple(found[key] for key in sorted(found))


def read_manifest(dataset: DatasetDirectory) -> Manifest:
    """The manifest of a dataset; an empty one where there is none.

    Raises:
        ValueError: the file is damaged, or of a later version.
    """
    try:
        data = dataset.read(MANIFEST)
    except FileNotFoundError:
        return Manifest()
    return parse_manifest(data, f"{dataset.url}/{MANIFEST}")


def parse_manifest(data: bytes, where: str) -> Manifest:
    """A manifest from the bytes of its file.

    Raises:
        ValueError: it is damaged, or of a later version; the message names `where`.
    """
    return _DOCUMENT.load(data, where)


def write_manifest(folder: str, manifest: Manifest) -> None:
    """Writes the manifest of a dataset in a folder, where it differs from what is there: none is an empty one."""
    if manifest != read_manifest(DatasetDirectory(folder)):
        write_whole(f"{folder}/{MANIFEST}", _DOCUMENT.dump(manifest_fields(manifest)))


def manifest_fields(manifest: Manifest) -> dict[str, Any]:
    """A manifest as JSON."""
    shards = {
        path: {"rows": entry.rows, "bytes": entry.digest.size, "sha256": entry.digest.sha256}
        for path, entry in sorted(manifest.shards.items())
    }
    return {
        "shards": shards,
        "runs": [dataclasses.asdict(run) for run in manifest.runs],
        "versions": [dataclasses.asdict(version) for version in manifest.versions],
        "withdrawn": dict(sorted(manifest.withdrawn.items())),
        "discarded": sorted(manifest.discarded),
    }


def load_manifest(content: dict[str, Any]) -> Manifest:
    """A manifest from the fields of `manifest_fields`.

    Raises:
        KeyError, TypeError, AttributeError: they are others.
    """
    withdrawn, discarded = content["withdrawn"], content["discarded"]
    texts = [*withdrawn.keys(), *withdrawn.values(), *discarded]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("an id or a reason is not text")
    return Manifest(
        shards={path: _shard(entry) for path, entry in content["shards"].items()},
        runs=tuple(RunEntry(**run) for run in content["runs"]),
        versions=tuple(Version(**version) for version in content["versions"]),
        withdrawn=withdrawn,
        discarded=frozenset(discarded),
    )


def _shard(entry: dict[str, Any]) -> ShardEntry:
    digest = FileDigest.parse({"size": entry["bytes"], "sha256": entry["sha256"]})
    if not isinstance(entry["rows"], int) or digest is None:
        raise TypeError("the rows of a shard are no number")
    return ShardEntry(entry["rows"], digest)


_DOCUMENT = JsonDocument("the manifest of a dataset", 1, load_manifest, "restore the file")
