"""Tells rows, bytes and SHA-256 of the shards of a dataset: from its manifest, or from the files."""

import os
from collections.abc import Collection

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.manifest import Manifest, ShardEntry
from builder.run.file_digest import FileDigest, digest_file


def inventory(dataset: DatasetDirectory, manifest: Manifest) -> dict[str, ShardEntry]:
    """Path to entry, of the shards that are in a folder.

    What the manifest says is not compared with the file but for its size; a shard that it does not name is read.

    Args:
        dataset: a local folder.
        manifest: its manifest.

    Raises:
        ValueError: a shard has another size than the manifest says; the message names it.
    """
    return {shard.path: _entry(dataset, shard, manifest.shards.get(shard.path)) for shard in dataset.shards()}


def inventory_after(
    dataset: DatasetDirectory, manifest: Manifest, new: dict[str, ShardEntry], gone: Collection[str]
) -> dict[str, ShardEntry]:
    """Path to entry, of the shards that a folder holds once new ones have come and others have gone.

    Args:
        dataset, manifest: as they are before, see `inventory`.
        new: path to entry of the shards that come.
        gone: paths of those that go.
    """
    entries = inventory(dataset, manifest) | new
    return {path: entry for path, entry in entries.items() if path not in gone}


def _entry(dataset: DatasetDirectory, shard: Shard, known: ShardEntry | None) -> ShardEntry:
    if known is None:
        digest = digest_file(os.path.join(dataset.url, shard.path))
        return ShardEntry(dataset.rows([shard]), digest)
    if problem := known.digest.problem(shard.size):
        raise ValueError(f"{dataset.url}/{shard.path} {problem}: restore it, or delete it and pack its run again")
    return known


def shard_digest(dataset: DatasetDirectory, shard: Shard, manifest: Manifest) -> FileDigest:
    """The digest of one shard of a folder, from the manifest where the size is the one that it says."""
    known = manifest.shards.get(shard.path)
    if known and known.digest.size == shard.size:
        return known.digest
    return digest_file(os.path.join(dataset.url, shard.path))
