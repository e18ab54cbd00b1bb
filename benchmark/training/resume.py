"""Decides whether a training resumes, and from which checkpoint."""

from __future__ import annotations

import os
from dataclasses import asdict

from benchmark.models.checkpoint import DESCRIPTION, last_checkpoint, read_description
from benchmark.training.options import TrainOptions

FREE = {
    "out", "dataset", "workers", "device", "checkpoint_every", "log_every", "resume", "stop_after", "progress",
    "mixed_precision",
}  # fmt: skip
"""Options that may differ between sessions of the same training."""


def folder_to_resume(options: TrainOptions) -> str | None:
    """The checkpoint to resume from; None for a new training.

    Raises:
        ValueError: `out` holds a training and `resume` is false, or one with other options.
    """
    last = last_checkpoint(options.out)
    if last is None:
        if os.path.isfile(os.path.join(options.out, DESCRIPTION)):
            raise ValueError(f"{options.out} holds a detector already: choose another --out")
        return None
    if not options.resume:
        raise ValueError(f"{options.out} holds a training already: add --resume, or choose another --out")
    before, now = read_description(last).training["options"], asdict(options)
    for name in sorted(now.keys() - FREE):
        # JSON has no tuples.
        if _plain(before.get(name)) != _plain(now[name]):
            raise ValueError(
                f"{options.out} was started with {name} {before.get(name)}, not {now[name]}: "
                "resume with the same, or choose another --out"
            )
    return last


def _plain(value):
    return list(value) if isinstance(value, tuple) else value
