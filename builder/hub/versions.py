"""Names states of a published dataset: what changed since the version before, and the tag on the Hub."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.manifest import Manifest, ShardEntry, Version
from builder.dataset.shards import read_fingerprints
from builder.hub.metadata_copy import copy_published
from builder.hub.repository import HubDataset, HubError, Snapshot

Rows = dict[str, str | None]
"""Row id to the digest of what the row is made of; None where the shard does not say."""


def check_tag(tag: str) -> None:
    """Makes sure that a tag can be one.

    Raises:
        ValueError: it cannot.
    """
    if not re.fullmatch(r"\w[\w.-]*", tag, re.ASCII) or tag.endswith((".", ".lock")) or ".." in tag:
        raise ValueError(f"{tag!r} cannot be a tag: use letters, digits, '.', '-' and '_', as in v1.0")


def named_commit(hub: HubDataset, tag: str) -> str | None:
    """The commit that a tag of a repository names; None where it has no such tag.

    Raises:
        ValueError: a branch has that name.
    """
    refs = hub.refs()
    if tag in {branch.name for branch in refs.branches}:
        raise ValueError(f"{hub.repo_id} has a branch {tag}: choose another tag")
    return next((each.target_commit for each in refs.tags if each.name == tag), None)


def with_version(
    manifest: Manifest, tag: str, hub: HubDataset, everything: DatasetDirectory, scratch: str
) -> Manifest:
    """A manifest that names the dataset's state, with what changed since the newest version that has its tag.

    Args:
        manifest: of the state that gets the tag; an entry that a push left which was cut off is made anew.
        tag: the tag.
        hub: the repository.
        everything: a folder that reads like the state, except for its images.
        scratch: a folder of the same file system, for what is read of the version before.
    """
    earlier = tuple(version for version in manifest.versions if version.tag != tag)
    tags = {each.name for each in hub.refs().tags} if earlier else set()
    since = next((version.tag for version in reversed(earlier) if version.tag in tags), None)
    before, now = _differing(manifest.shards, since, hub, everything, scratch)
    version = Version(
        tag=tag,
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        rows=sum(entry.rows for entry in manifest.shards.values()),
        shards=len(manifest.shards),
        since=since,
        added=len(now.keys() - before.keys()),
        changed=sum(before[row] != now[row] for row in before.keys() & now.keys()),
        removed=len(before.keys() - now.keys()),
    )
    known = next((each for each in manifest.versions if each.tag == tag), None)
    if known and replace(version, date=known.date) == known and manifest.versions[-1] == known:
        return manifest
    return replace(manifest, versions=(*earlier, version))


def _differing(
    shards: Mapping[str, ShardEntry],
    since: str | None,
    hub: HubDataset,
    everything: DatasetDirectory,
    scratch: str,
) -> tuple[Rows, Rows]:
    """The rows of the shards that only a version before has, and of those that only the new state has."""
    there = everything.shards()
    if since is None:
        return {}, _rows(everything, there)
    snapshot = HubDataset(hub.repo_id, since, hub.endpoint, hub.timeout).snapshot()
    same = {path for path, file in snapshot.files.items() if _is(file.sha256, shards.get(path))}
    only_before = {path: file for path, file in snapshot.files.items() if path not in same}
    published = DatasetDirectory(f"{scratch}/version-{since}")
    copy_published(hub, Snapshot(snapshot.commit, only_before), published.url, f"{scratch}/pool")
    return _rows(published, published.shards()), _rows(everything, [s for s in there if s.path not in same])


def _is(sha256: str | None, entry: ShardEntry | None) -> bool:
    return entry is not None and entry.digest.sha256 == sha256


def _rows(dataset: DatasetDirectory, shards: Sequence[Shard]) -> Rows:
    found: Rows = {}
    for shard in shards:
        with dataset.open(shard) as parquet:
            known = read_fingerprints(parquet.metadata)
            found |= {row: known.get(row) for row in parquet.read(columns=["id"])["id"].to_pylist()}
    return found


def set_tag(hub: HubDataset, tag: str, commit: str) -> None:
    """Gives a commit its tag; one that names it already is left.

    Raises:
        HubError: the Hub refused, or the tag names another commit.
    """
    try:
        hub.call(
            lambda: hub.api.create_tag(hub.repo_id, tag=tag, revision=commit, repo_type="dataset", exist_ok=True)
        )
    except (HubError, FileNotFoundError) as error:
        raise HubError(f"all is pushed but the tag: {error}; push again with --tag {tag}") from error
    if (named := named_commit(hub, tag)) != commit:
        raise HubError(f"{hub.repo_id}: the tag {tag} names commit {str(named)[:12]}: someone else has set it")
