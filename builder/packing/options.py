"""The options of packing."""

import os
from dataclasses import dataclass, field

SHARD_BYTES = 500_000_000
"""Default size of a shard, about, in bytes."""

ROWS_PER_GROUP = 16
"""Rows in a Parquet row group at most; a filter skips whole row groups."""


@dataclass(frozen=True)
class PackOptions:
    """How a run is packed.

    Attributes:
        with_originals: keep the base images beside the edited ones, in the column `original`.
        shard_bytes: about how large a shard becomes.
        rows_per_group: rows in a Parquet row group at most; a filter skips whole row groups.
        lora: the run edits regions again with a LoRA: its rows belong to `semantic-lora` alone.
        threads: how many rows are read and painted at a time.
        progress: show a bar on stderr.
    """

    with_originals: bool = False
    shard_bytes: int = SHARD_BYTES
    rows_per_group: int = ROWS_PER_GROUP
    lora: bool = False
    threads: int = field(default_factory=lambda: min(os.cpu_count() or 1, 8))
    progress: bool = True
