"""Downloads a dataset from the Hub, or one config or split of it."""

import dataclasses
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from huggingface_hub import snapshot_download

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.manifest import MANIFEST, read_manifest, write_manifest
from builder.hub.contents import CARD, MakeCard, published_manifest
from builder.hub.repository import HubDataset, HubError, RemoteFile, Snapshot
from builder.run.file_digest import digest_file
from diffseg30k import CONFIGS

DOWNLOADS = os.path.join(".cache", "huggingface", "download")
"""Where in a folder `huggingface_hub` remembers what it downloaded into it."""


@dataclass(frozen=True)
class PullOptions:
    """What is pulled.

    Attributes:
        config: a name of `diffseg30k.CONFIGS`; everything if None.
        split: a split of the config, or `train` or `validation` of everything; all if None.
        revision: a branch, tag or commit; `main` if None.
        endpoint: the Hub's URL; `HF_ENDPOINT` or huggingface.co if None.
        timeout: seconds to wait for a byte before a connection counts as dead.
        workers: files that are brought at a time.
    """

    config: str | None = None
    split: str | None = None
    revision: str | None = None
    endpoint: str | None = None
    timeout: float = 120.0
    workers: int = 8


@dataclass(frozen=True)
class PullReport:
    """What was pulled.

    Attributes:
        commit: the commit it is from.
        shards: paths, relative to the folder.
        size: their bytes together.
    """

    commit: str
    shards: tuple[str, ...]
    size: int

    def lines(self) -> list[str]:
        """What to tell the user."""
        return [f"pulled {len(self.shards):,} shards, {self.size / 1e6:,.1f} MB, of commit {self.commit[:12]}"]


def pull(repo_id: str, out: str, make_card: MakeCard, options: PullOptions | None = None) -> PullReport:
    """Brings the shards of a dataset, whole: a shard serves several configs.

    Files that exist are not downloaded again, and a partial download continues. Shards of an earlier pull that the
    commit no longer has are removed. All of a dataset comes with its card; of a part the card is made anew, for it
    counts rows.

    Args:
        repo_id: `NAMESPACE/NAME`.
        out: the folder, made where it is missing.
        make_card: see `contents.MakeCard`; called when a part was pulled.

    Raises:
        FileNotFoundError: there is no such dataset, or it has no such config or split.
        ValueError: this version knows no such config or split, or the folder holds shards that no pull brought and
            that the commit does not have.
        HubError: the Hub refused, or could not be reached.
    """
    options = options or PullOptions()
    folders = _folders(options)
    hub = HubDataset(repo_id, options.revision, options.endpoint, options.timeout)
    snapshot = hub.snapshot()
    assert snapshot.commit is not None
    shards = _chosen(snapshot.shards.values(), folders)
    if not shards:
        raise FileNotFoundError(f"{repo_id} has no {_asked(options)}; it has {_available(snapshot)}")
    whole = len(shards) == len(snapshot.shards)
    parts = [*(shard.path for shard in shards), *(path for path in (MANIFEST, CARD) if path in snapshot.files)]
    wanted = list(snapshot.files) if whole else parts
    if taken := read_manifest(DatasetDirectory(out)).gone - published_manifest(hub, snapshot).gone:
        raise ValueError(
            f"{len(taken)} rows were taken out of {out} and not out of {repo_id}, {min(taken)} among them: "
            "push with --replace first, or pull into another folder"
        )
    stale = _stale(out, snapshot)
    download(hub, snapshot.commit, out, [path for path in wanted if path != ".gitattributes"], options.workers)
    _mend(hub, snapshot, out, shards, options.workers)
    for path in stale:
        os.remove(os.path.join(out, path))
    if not whole:
        _describe_part(out, make_card)
    return PullReport(snapshot.commit, tuple(shard.path for shard in shards), sum(shard.size for shard in shards))


def _mend(hub: HubDataset, snapshot: Snapshot, out: str, shards: Sequence[Shard], workers: int) -> None:
    """Downloads shards again that are not what the commit has, such as ones that were damaged since they came.

    Raises:
        HubError: a shard is damaged after that too.
    """
    damaged = [shard.path for shard in shards if _is_damaged(out, snapshot.files[shard.path])]
    for path in damaged:
        _forget(out, path)
    if damaged:
        download(hub, str(snapshot.commit), out, damaged, workers)
    if still := [path for path in damaged if _is_damaged(out, snapshot.files[path])]:
        raise HubError(f"{os.path.join(out, still[0])} arrived damaged twice: pull again")


def _is_damaged(out: str, file: RemoteFile) -> bool:
    place = os.path.join(out, file.path)
    digest = digest_file(place)
    return digest.size != file.size or file.sha256 not in (None, digest.sha256)


def _describe_part(out: str, make_card: MakeCard) -> None:
    """Makes the card and the manifest of a folder that holds some of a dataset's shards."""
    dataset = DatasetDirectory(out)
    manifest, there = read_manifest(dataset), {shard.path for shard in dataset.shards()}
    named = {path: entry for path, entry in manifest.shards.items() if path in there}
    write_manifest(out, dataclasses.replace(manifest, shards=named))
    make_card(out, out)
    for path in (CARD, MANIFEST):
        _forget(out, path, keep=True)


def _forget(out: str, path: str, keep: bool = False) -> None:
    """Lets the next download bring a file again."""
    with suppress(FileNotFoundError):
        os.remove(os.path.join(out, DOWNLOADS, f"{path}.metadata"))
    if not keep:
        os.remove(os.path.join(out, path))


def _stale(out: str, snapshot: Snapshot) -> list[str]:
    """The shards of a folder that an earlier pull brought and that a commit does not have."""
    extra = [shard.path for shard in DatasetDirectory(out).shards() if shard.path not in snapshot.files]
    own = [path for path in extra if not os.path.exists(os.path.join(out, DOWNLOADS, f"{path}.metadata"))]
    if own:
        raise ValueError(
            f"{out} holds {len(own)} shards that the commit does not have and no pull brought, "
            f"{own[0]} among them: pull into another folder"
        )
    return extra


def _folders(options: PullOptions) -> set[str] | None:
    """The folders whose shards are wanted; None for all."""
    if options.config is None and options.split is None:
        return None
    if options.config is not None and options.config not in CONFIGS:
        raise ValueError(f"{options.config!r} is not a config; there are {', '.join(CONFIGS)}")
    views = [CONFIGS[options.config]] if options.config else list(CONFIGS.values())
    splits = {split for view in views for split in view.splits}
    if options.split is not None and options.split not in splits:
        raise ValueError(
            f"{options.split!r} is not a split of {options.config}; it has {', '.join(sorted(splits))}"
        )
    if options.config is None:
        return {place for view in views for place in _sided(view.splits.values(), str(options.split))}
    wanted = splits if options.split is None else {options.split}
    return {place for split in wanted for place in views[0].splits[split]}


def _sided(splits: Iterable[Iterable[str]], side: str) -> Iterable[str]:
    return (place for places in splits for place in places if place.startswith(f"data/{side}/"))


def _chosen(shards: Iterable[Shard], folders: set[str] | None) -> list[Shard]:
    return [shard for shard in shards if folders is None or shard.folder in folders]


def _asked(options: PullOptions) -> str:
    parts = (
        f"config {options.config}" if options.config else "",
        f"split {options.split}" if options.split else "",
    )
    return " with ".join(part for part in parts if part) or "shards"


def _available(snapshot: Snapshot) -> str:
    there = {shard.folder for shard in snapshot.shards.values()}
    found = [
        f"{view.name} ({', '.join(split for split, places in view.splits.items() if there & set(places))})"
        for view in CONFIGS.values()
        if there & {place for places in view.splits.values() for place in places}
    ]
    return ", ".join(found) or "no shards at all"


def download(hub: HubDataset, commit: str, out: str, paths: list[str], workers: int = 8) -> None:
    """Downloads some files of a commit into a folder; those that are there already are not sent again."""
    os.makedirs(out, exist_ok=True)
    hub.call(
        lambda: snapshot_download(
            hub.repo_id,
            repo_type="dataset",
            revision=commit,
            local_dir=out,
            allow_patterns=paths,
            max_workers=workers,
            endpoint=hub.endpoint,
        )
    )
