"""Checks that the manifest of a dataset is true of its shards."""

from collections.abc import Iterator, Mapping, Sequence

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.manifest import MANIFEST, Manifest
from builder.run.file_digest import FileDigest

MANIFEST_PROMISE = "the manifest says of every shard how many rows and bytes it has, and their SHA-256"


def check_manifest(
    dataset: DatasetDirectory, manifest: Manifest, shards: Sequence[Shard], rows: Mapping[str, int]
) -> Iterator[tuple[str | None, str]]:
    """Each violation with the path of its shard, or None where it is about the manifest.

    Args:
        shards: every shard of the dataset.
        rows: path to number of rows, of the shards that could be read.
    """
    if MANIFEST not in dataset.names():
        yield None, f"there is no {MANIFEST}: pack, import or push writes it"
        return
    for path in sorted(manifest.shards.keys() - {shard.path for shard in shards}):
        yield path, "it is not there"
    for shard in shards:
        if not (entry := manifest.shards.get(shard.path)):
            yield shard.path, "it is not named"
            continue
        if rows.get(shard.path, entry.rows) != entry.rows:
            yield shard.path, f"it has {rows[shard.path]} rows, and the manifest says {entry.rows}"
        if shard.size != entry.digest.size:
            yield shard.path, f"it has {shard.size:,} bytes, and the manifest says {entry.digest.size:,}"
        elif FileDigest(shard.size, dataset.sha256(shard)) != entry.digest:
            yield shard.path, "its SHA-256 is another than the manifest says"
