"""Takes rows out of a dataset on the Hub: the shards that hold them are replaced by shards without them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from builder.dataset.directory import DatasetDirectory
from builder.dataset.existing import read_existing
from builder.dataset.manifest import MANIFEST
from builder.hub.contents import MakeCard, published_manifest
from builder.hub.metadata_copy import copy_published
from builder.hub.pull import download
from builder.hub.push import PushOptions, PushReport, push
from builder.hub.repository import HubDataset
from builder.hub.scratch import scratch_folder
from builder.packing.withdraw import WithdrawReport, find_rows, withdraw

HISTORY = (
    "earlier commits of the repository still hold the rows: to erase them too, squash its history "
    "(HfApi.super_squash_history) or delete it; copies that others have made are not reached"
)


@dataclass(frozen=True)
class PublishedWithdrawal:
    """What was withdrawn from a repository, or would be.

    Attributes:
        withdrawn: the rows and shards.
        pushed: the commit; None where there was nothing to do.
    """

    withdrawn: WithdrawReport
    pushed: PushReport | None

    def lines(self) -> list[str]:
        """The report for people, with what a withdrawal cannot undo."""
        return [*self.withdrawn.lines(), *(self.pushed.lines() if self.pushed else []), HISTORY]


def withdraw_published(
    repo_id: str,
    row_ids: Sequence[str],
    make_card: MakeCard,
    reason: str = "",
    options: PushOptions | None = None,
) -> PublishedWithdrawal:
    """Takes rows out of a repository, in one commit.

    Only the shards that hold them are downloaded and sent again.

    Args:
        repo_id: `NAMESPACE/NAME`.
        row_ids: ids of rows, or of base images for all of their rows.
        make_card: see `contents.MakeCard`.
        reason: goes into the manifest.
        options: how it is pushed.

    Raises:
        FileNotFoundError: there is no such dataset.
        ValueError: an id is of no row and of no base image.
        HubError: the Hub refused, or could not be reached.
    """
    options = replace(options or PushOptions(), replace=True)
    hub = HubDataset(repo_id, options.revision, options.endpoint, options.timeout)
    snapshot = hub.snapshot()
    withdrawn = published_manifest(hub, snapshot).withdrawn
    with scratch_folder() as scratch:
        published, folder = DatasetDirectory(os.path.join(scratch, "published")), os.path.join(scratch, "dataset")
        copy_published(hub, snapshot, published.url, os.path.join(scratch, "pool"))
        rows, already = find_rows(published, row_ids, withdrawn, repo_id)
        held = [each.shard.path for each in read_existing(published) if rows & each.rows.keys()]
        if not held:
            return PublishedWithdrawal(WithdrawReport((), tuple(sorted(already)), (), (), options.dry_run), None)
        paths = [*held, *([MANIFEST] if MANIFEST in snapshot.files else [])]
        download(hub, str(snapshot.commit), folder, paths)
        report = withdraw(folder, sorted(rows), reason)
        pushed = push(folder, repo_id, make_card, options)
    return PublishedWithdrawal(replace(report, already=tuple(sorted(already)), dry_run=options.dry_run), pushed)
