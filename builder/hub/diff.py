"""Compares local shards with the Hub's: which are new, their paths, and which are replaced."""

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.inventory import shard_digest
from builder.dataset.manifest import Manifest
from builder.hub.agreement import Disagreement, Line
from builder.hub.repository import Snapshot
from diffseg30k import LORA, MORE_UNEDITED, UNEDITED, UNEDITED_IN_TRAIN, folder


@dataclass(frozen=True)
class NewShard:
    """A shard that the Hub does not have.

    Attributes:
        local: the shard in the local dataset.
        path: where it goes in the repository.
    """

    local: Shard
    path: str


@dataclass(frozen=True)
class Comparison:
    """A local dataset beside a repository.

    Attributes:
        new: local shards that the repository does not have.
        there: local shards that it has, under whatever folder.
        rewritten: paths of repository shards that have a local shard's name and other bytes.
    """

    new: tuple[Shard, ...]
    there: tuple[Shard, ...]
    rewritten: tuple[str, ...]


def compare(dataset: DatasetDirectory, local: Sequence[Shard], manifest: Manifest, remote: Snapshot) -> Comparison:
    """Sorts local shards by whether the repository has them.

    A shard's name is a digest of its rows, so only shards of one name are compared: by size, then by the digest
    that the local manifest gives.
    """
    by_name: dict[str, list[str]] = {}
    for path in remote.shards:
        by_name.setdefault(os.path.basename(path), []).append(path)
    new, there, rewritten = [], [], []
    for shard in local:
        namesakes = [path for path in by_name.get(os.path.basename(shard.path), ()) if _may_be(shard, path)]
        if any(_same(dataset, shard, manifest, remote, path) for path in namesakes):
            there.append(shard)
        else:
            new.append(shard)
            rewritten += namesakes
    return Comparison(tuple(new), tuple(there), tuple(rewritten))


def _may_be(shard: Shard, path: str) -> bool:
    """Whether a repository's path is where a push would have put a shard."""
    return path == shard.path or path == _more(shard)


def _more(shard: Shard) -> str:
    if (shard.side, shard.group) != ("train", UNEDITED):
        return shard.path
    return f"{folder('train', MORE_UNEDITED)}/{os.path.basename(shard.path)}"


def _same(dataset: DatasetDirectory, shard: Shard, manifest: Manifest, remote: Snapshot, path: str) -> bool:
    there = remote.files[path]
    return there.size == shard.size and there.sha256 == shard_digest(dataset, shard, manifest).sha256


def settle(dataset: DatasetDirectory, new: Sequence[Shard], unedited_there: int) -> tuple[NewShard, ...]:
    """Where new shards go in the repository.

    Each keeps its path, except unedited photographs of the train side: as in the paper, `semantic` and
    `binary` train on UNEDITED_IN_TRAIN of them at most, so a shard that no longer fits joins the rest.

    Args:
        unedited_there: rows that the repository has in the train side's `unedited` group.
    """
    settled = []
    for shard in new:
        path = shard.path
        if (shard.side, shard.group) == ("train", UNEDITED):
            rows = dataset.rows([shard])
            if unedited_there + rows > UNEDITED_IN_TRAIN:
                path = _more(shard)
            else:
                unedited_there += rows
        settled.append(NewShard(shard, path))
    return tuple(settled)


def giving_way(
    published: Mapping[Shard, Sequence[Line]],
    new: Mapping[Shard, Sequence[Line]],
    rewritten: Sequence[str],
    gone: Set[str],
) -> set[Shard]:
    """The published shards that new ones replace: each of their rows is in a new shard, or was taken out.

    Args:
        published: the repository's shards with their rows.
        new: those that are to be added.
        rewritten: paths of published shards of which there is a new one of the same name.
        gone: ids of rows that were taken out, by withdrawing or by discarding them.

    Raises:
        Disagreement: new shards hold some rows of a published one and not the others.
    """
    edited = {line.id for shard, lines in new.items() for line in lines if shard.group != LORA}
    lora = {line.id for shard, lines in new.items() for line in lines if shard.group == LORA}
    replaced = set()
    for shard, lines in published.items():
        ids = {line.id for line in lines}
        again = ids & ((lora if shard.group == LORA else edited) | gone)
        if again == ids or shard.path in rewritten:
            replaced.add(shard)
        elif again:
            raise Disagreement(
                f"{shard.path} is published with the row {min(again)}, which is being replaced, and with "
                f"{min(ids - again)}, which is neither in your dataset nor taken out of it: "
                "pull the dataset into a folder and make the changes there"
            )
    return replaced
