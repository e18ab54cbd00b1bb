"""Tells rows, bytes and SHA-256 of the shards of a dataset: from its manifest, or from the files."""

import os

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
