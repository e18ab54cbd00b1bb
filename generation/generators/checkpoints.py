"""Where a generator's weights are, and what is said when they are not there."""

import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TINY_VERSION = 1
"""Goes into the folder of the tiny checkpoints: to be raised whenever one is built differently."""


class CheckpointError(ValueError):
    """A checkpoint that is missing, gated or damaged: which, where it was looked for and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A generator's published weights.

    Attributes:
        repository: its name on the Hub.
        revision: a branch, tag or commit there.
        license: the licence's name.
        license_url: where the licence can be read.
        gated: the Hub asks for a login and an agreement before it gives the weights.
        gigabytes: size of the weights on disk, about.
    """

    repository: str
    revision: str
    license: str
    license_url: str
    gated: bool
    gigabytes: float

    @property
    def name(self) -> str:
        return f"{self.repository}@{self.revision}"


@dataclass(frozen=True)
class Place:
    """Where weights are loaded from.

    Attributes:
        source: a folder or a name on the Hub.
        revision: of a name on the Hub; None for a folder.
    """

    source: str
    revision: str | None = None


def replacement_name(replacement: str) -> str:
    """The name that rows record for a replacement: a folder's own name, without the path to it."""
    folder = Path(replacement).expanduser()
    return f"folder/{folder.resolve().name}" if folder.is_dir() else replacement


def place_of(checkpoint: str) -> Place:
    """Where a checkpoint named `NAMESPACE/NAME@REVISION` is; the revision may be left out."""
    source, _, revision = checkpoint.partition("@")
    return Place(source, revision or None)


# ── Tiny checkpoints ──────────────────────────────────────────────────────────────────────────────


def cache_folder() -> Path:
    """Where tiny checkpoints are kept: `$DIFFSEG30K_CACHE`, else a folder of the user's cache."""
    if chosen := os.environ.get("DIFFSEG30K_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "diffseg30k"


def tiny_folder(generator: str, build: Callable[[], Any]) -> Path:
    """The folder of a tiny checkpoint, built there when it is not there yet.

    Args:
        build: makes the pipeline, with the random weights that it draws from torch's generator.
    """
    folder = cache_folder() / f"tiny-{TINY_VERSION}" / generator
    if folder.is_dir():
        return folder
    import torch

    temporary = folder.with_name(f"{generator}.{uuid.uuid4().hex}.tmp")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        build().save_pretrained(temporary)
    try:
        os.rename(temporary, folder)
    except OSError:  # another process was first
        shutil.rmtree(temporary)
    return folder
