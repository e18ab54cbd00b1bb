"""Pushes new shards of a packed dataset to a dataset repository on the Hub, in one commit."""

import dataclasses
import os
import random
import time
from dataclasses import dataclass, field

from huggingface_hub import CommitInfo, CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import BadRequestError, RevisionNotFoundError

from builder.dataset.directory import DatasetDirectory, require_shards
from builder.dataset.manifest import MANIFEST, Manifest, Version, read_manifest
from builder.hub.contents import Contents, MakeCard, Sender, prepare
from builder.hub.diff import NewShard
from builder.hub.repository import (
    HubDataset,
    HubError,
    Snapshot,
    asked_pause,
    is_passing,
    is_refusal,
    redacted_logs,
    status,
)
from builder.hub.scratch import scratch_folder
from builder.hub.versions import check_tag, named_commit, set_tag


@dataclass(frozen=True)
class PushOptions:
    """How a dataset is pushed.

    Attributes:
        private: make the repository private, where it is yet to be made.
        revision: the branch; made from `main` where it is missing. `main` if None.
        create_pr: open a pull request instead of changing the branch.
        dry_run: only say what would be sent.
        replace: published shards give way to local ones with the same rows, and rows that were taken out of the
            local dataset go. Without it both are refused.
        endpoint: the Hub's URL; `HF_ENDPOINT` or huggingface.co if None.
        timeout: seconds to wait for a byte before a connection counts as dead.
        tries: how often to begin again when someone else pushed meanwhile or the Hub failed.
        progress: show bars on stderr.
        tag: the name that the state after the push gets, such as `v1.0`; the card says what changed since the
            version before.
    """

    private: bool = False
    revision: str | None = None
    create_pr: bool = False
    dry_run: bool = False
    replace: bool = False
    endpoint: str | None = None
    timeout: float = 120.0
    tries: int = 8
    progress: bool = True
    tag: str | None = None


@dataclass(frozen=True)
class PushReport:
    """What a push did, or would do.

    Attributes:
        repo_id: the repository.
        new: path in the repository to bytes, of the shards that it did not have.
        kept: how many of the local shards it had already.
        replaced: paths of the shards that gave way.
        card: paths of the card and its figures that changed.
        new_rows: rows in the new shards.
        rows: rows that the dataset then has.
        card_bytes: size of what is in `card`.
        commit: the commit's URL; None where nothing was to be done, or in a dry run.
        pull_request: its URL, where one was opened.
        dry_run: nothing was sent.
        version: the state that was given a name.
    """

    repo_id: str
    new: dict[str, int]
    kept: int
    replaced: tuple[str, ...]
    card: tuple[str, ...]
    new_rows: int
    rows: int
    card_bytes: int
    commit: str | None = None
    pull_request: str | None = None
    dry_run: bool = False
    version: Version | None = None

    def lines(self) -> list[str]:
        """What to tell the user."""
        if not (self.new or self.replaced or self.card):
            return [f"{self.repo_id} has it all: {self.kept:,} shards, {self.rows:,} rows", *self._version_lines()]
        size = (sum(self.new.values()) + self.card_bytes) / 1e6
        done = "would send" if self.dry_run else "sent"
        return [
            f"{done} {len(self.new):,} shards with {self.new_rows:,} rows and {len(self.card):,} card files, "
            f"{size:,.1f} MB; {self.kept:,} shards were there",
            *(f"  {path} ({size / 1e6:,.1f} MB)" for path, size in sorted(self.new.items()) if self.dry_run),
            *(f"  {path}" for path in self.card if self.dry_run),
            *(f"{'would replace' if self.dry_run else 'replaced'} {path}" for path in self.replaced),
            f"{self.repo_id} {'would then hold' if self.dry_run else 'holds'} {self.rows:,} rows",
            *self._version_lines(),
            *([self.pull_request] if self.pull_request else [self.commit] if self.commit else []),
        ]

    def _version_lines(self) -> list[str]:
        if not self.version:
            return []
        return [f"{'would be' if self.dry_run else 'is'} tagged {self.version.tag}: {self.version.summary()}"]


class _Again(Exception):
    """The repository has to be read again, for the reason given.

    Attributes:
        pause: the seconds that the Hub asked to wait; None where it did not.
    """

    def __init__(self, reason: str, pause: float | None = None):
        super().__init__(reason)
        self.pause = pause


@dataclass
class _Sent:
    """What has been sent so far: it need not be sent again by the next try.

    Attributes:
        additions: path in the repository to what is being added.
        forgiven: how many commits the Hub called wrong.
    """

    additions: dict[str, CommitOperationAdd] = field(default_factory=dict)
    forgiven: int = 0


def push(dataset_dir: str, repo_id: str, make_card: MakeCard, options: PushOptions | None = None) -> PushReport:
    """Adds the shards of a packed dataset to a repository, with a card made anew from all that is then there.

    Shards are sent first; one commit then shows them, the card and the counts together. A push that was cut off
    leaves the dataset as it was, and what it had sent is not sent again. When someone else pushed meanwhile,
    everything is read and checked again.

    Args:
        dataset_dir: a folder of packed shards.
        repo_id: `NAMESPACE/NAME`.
        make_card: see `contents.MakeCard`.

    Raises:
        FileNotFoundError: there are no shards.
        ValueError: the rows contradict those of the repository; the message names them (`agreement.Disagreement`).
        HubError: the Hub refused, or could not be reached.
    """
    options = options or PushOptions()
    if options.tag:
        check_tag(options.tag)
        if options.create_pr:
            raise ValueError("a pull request cannot be tagged: tag once it is merged, or leave out --create-pr")
    if "://" in dataset_dir:
        raise ValueError(f"{dataset_dir} is a URL: what is pushed is a folder")
    dataset = DatasetDirectory(dataset_dir)
    local = dataset.shards() if read_manifest(dataset).gone else require_shards(dataset)
    hub = HubDataset(repo_id, options.revision, options.endpoint, options.timeout)
    with redacted_logs(), scratch_folder() as scratch:
        sender = Sender(dataset, local, hub, make_card, scratch, options.replace, options.progress, options.tag)
        if not options.dry_run:
            _require_repository(hub, options)
        return _push(sender, options)


def _push(sender: Sender, options: PushOptions) -> PushReport:
    sent = _Sent()
    reason = ""
    for attempt in range(options.tries):
        snapshot = _snapshot(sender.hub, options)
        named = named_commit(sender.hub, options.tag) if options.tag and snapshot.commit else None
        if named and named != snapshot.commit:
            raise _tag_taken(sender, named)
        contents = prepare(sender, snapshot, attempt)
        report = _report(sender, contents, options.dry_run)
        changes = bool(contents.new or contents.removed or contents.card)
        if named and changes:
            raise _tag_taken(sender, named)
        if options.dry_run or not changes:
            if options.tag and not options.dry_run:
                set_tag(sender.hub, options.tag, str(snapshot.commit))
            return report
        try:
            commit = _send(sender, contents, sent, options, report)
        except _Again as again:
            reason = str(again)
            time.sleep(random.uniform(0.2, 1) * min(attempt, 10) if again.pause is None else again.pause)
        else:
            if options.tag:
                set_tag(sender.hub, options.tag, commit.oid)
            return dataclasses.replace(report, commit=commit.commit_url, pull_request=commit.pr_url)
    raise HubError(f"{sender.hub.repo_id}: gave up after {options.tries} tries; the last time {reason}")


def _tag_taken(sender: Sender, commit: str) -> ValueError:
    return ValueError(f"{sender.hub.repo_id} has a tag {sender.tag}, of commit {commit[:12]}: choose another")


def _report(sender: Sender, contents: Contents, dry_run: bool) -> PushReport:
    return PushReport(
        repo_id=sender.hub.repo_id,
        new={shard.path: shard.local.size for shard in contents.new},
        kept=len(sender.local) - len(contents.new),
        replaced=contents.removed,
        card=tuple(sorted(contents.card)),
        new_rows=contents.new_rows,
        rows=contents.rows,
        card_bytes=sum(os.path.getsize(file) for file in contents.card.values()),
        dry_run=dry_run,
        version=contents.manifest.versions[-1] if sender.tag else None,
    )


# ── The repository ────────────────────────────────────────────────────────────────────────────────


def _require_repository(hub: HubDataset, options: PushOptions) -> None:
    """Makes the repository and the branch, where they are missing."""
    if hub.exists():
        if options.private and not hub.is_private():
            raise ValueError(f"{hub.repo_id} is there already, and public: make it private in its settings first")
    else:
        private = options.private or None
        hub.call(lambda: hub.api.create_repo(hub.repo_id, repo_type="dataset", private=private, exist_ok=True))
    branch = options.revision
    try:
        hub.snapshot()
    except FileNotFoundError as error:
        if branch is None or not isinstance(error.__cause__, RevisionNotFoundError):
            raise
        hub.call(lambda: hub.api.create_branch(hub.repo_id, branch=branch, repo_type="dataset", exist_ok=True))


def _snapshot(hub: HubDataset, options: PushOptions) -> Snapshot:
    """What the repository holds; in a dry run it may yet have to be made."""
    try:
        found = hub.snapshot()
    except FileNotFoundError:
        if options.dry_run:
            return Snapshot(None, {})
        raise
    script = f"{hub.repo_id.split('/')[1]}.py"
    if script in found.files:
        raise ValueError(
            f"{hub.repo_id} holds {script}, and `datasets` refuses a dataset with a script of its own name: "
            "delete that file there first"
        )
    return found


# ── Sending ───────────────────────────────────────────────────────────────────────────────────────


def _send(sender: Sender, contents: Contents, sent: _Sent, options: PushOptions, report: PushReport) -> CommitInfo:
    hub = sender.hub
    shards = [_addition(sender, shard, contents.manifest, sent) for shard in contents.new]
    card = [CommitOperationAdd(path, file) for path, file in contents.card.items()]
    removed = [CommitOperationDelete(path) for path in contents.removed]
    try:
        if shards:
            hub.call(
                lambda: hub.api.preupload_lfs_files(
                    hub.repo_id,
                    shards,
                    repo_type="dataset",
                    revision=options.revision,
                    create_pr=options.create_pr,
                    free_memory=False,
                )
            )
        return _commit(hub, contents, [*shards, *card, *removed], options, _message(report))
    except BadRequestError as error:
        # so the Hub answers when it has lost an object since it was sent: it is sent again
        sent.additions.clear()
        sent.forgiven += 1
        if sent.forgiven > 2:
            raise hub.plain(error) from error
        raise _Again(str(hub.plain(error))) from error


def _addition(sender: Sender, shard: NewShard, manifest: Manifest, sent: _Sent) -> CommitOperationAdd:
    if shard.path not in sent.additions:
        file = os.path.join(sender.dataset.url, shard.local.path)
        addition = CommitOperationAdd(shard.path, file)
        if addition.upload_info.sha256.hex() != manifest.shards[shard.path].digest.sha256:
            raise ValueError(
                f"{file} is damaged: its SHA-256 is another than {MANIFEST} says: "
                "restore it, or delete it and pack its run again"
            )
        sent.additions[shard.path] = addition
    return sent.additions[shard.path]


def _commit(
    hub: HubDataset,
    contents: Contents,
    operations: list[CommitOperationAdd | CommitOperationDelete],
    options: PushOptions,
    message: str,
) -> CommitInfo:
    try:
        with hub.waiting():
            return hub.api.create_commit(
                hub.repo_id,
                operations,
                commit_message=message,
                repo_type="dataset",
                revision=options.revision,
                create_pr=options.create_pr,
                parent_commit=contents.snapshot.commit,
            )
    except BadRequestError:
        raise
    except Exception as error:
        if not is_refusal(error):
            raise
        raise _after_failed_commit(hub, error, options.create_pr) from error


def _after_failed_commit(hub: HubDataset, error: Exception, create_pr: bool) -> Exception:
    if status(error) in (409, 412):
        return _Again("someone else pushed meanwhile")
    plain = hub.plain(error)
    if not is_passing(error):
        return plain
    if create_pr and status(error) != 429:
        return HubError(f"{plain}; a pull request may have been opened: look there before pushing again")
    # whether it was carried out shows when the repository is read again
    return _Again(str(plain), asked_pause(error))


def _message(report: PushReport) -> str:
    if report.version and not (report.new or report.replaced):
        return f"Name {report.version.tag}"
    if not report.new:
        return "Take rows out" if report.replaced else "Make the card anew"
    if report.replaced:
        return f"Replace {len(report.replaced)} shards; {report.new_rows:,} rows in {len(report.new)} new ones"
    return f"Add {report.new_rows:,} rows in {len(report.new)} shard{'s' if len(report.new) > 1 else ''}"
