"""What a checkpoint is, how it is named, and what is said when it cannot be had."""

import re
from dataclasses import dataclass
from pathlib import Path

TINY_PREFIX, FOLDER_PREFIX = "tiny/", "folder/"
"""What the name of a checkpoint begins with that is not published: a tiny one, or a folder of the user's."""


class CheckpointError(ValueError):
    """A checkpoint that is missing, gated or damaged: which, where it was looked for and what to do."""


class IncompleteCheckpoint(CheckpointError):
    """A checkpoint that lacks a file."""


@dataclass(frozen=True)
class Checkpoint:
    """A generator's published weights.

    Attributes:
        repository: its name on the Hub, or of the publisher's release where it is not on the Hub.
        revision: a commit, tag or branch.
        license: the licence's name.
        license_url: where the licence can be read.
        gigabytes: size of the download, about.
        gated: the Hub asks for a login and an agreement before it gives the weights.
        variant: of the files on the Hub that are taken; None for the plain ones.
        files: addresses of the files, where it is not on the Hub.
        also: further weights that it needs, published apart.
    """

    repository: str
    revision: str
    license: str
    license_url: str
    gigabytes: float
    gated: bool = False
    variant: str | None = None
    files: tuple[str, ...] = ()
    also: tuple["Place", ...] = ()

    @property
    def name(self) -> str:
        return f"{self.repository}@{self.revision}"

    @property
    def folder_name(self) -> str:
        """Its folder among the files that are not on the Hub."""
        return self.name.replace("/", "--")

    @property
    def place(self) -> "Place":
        return Place(self.repository, self.revision, self.variant)

    @property
    def places(self) -> tuple["Place", ...]:
        """All the places on the Hub that it needs."""
        return (self.place, *self.also)


@dataclass(frozen=True)
class Place:
    """Where weights are.

    Attributes:
        source: a folder or a name on the Hub.
        revision: of a name on the Hub; None for its newest, or for a folder.
        variant: of the files on the Hub that are taken; None for the plain ones.
    """

    source: str
    revision: str | None = None
    variant: str | None = None

    @property
    def name(self) -> str:
        return f"{self.source}@{self.revision}" if self.revision else self.source

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one."""
        folder = Path(self.source).expanduser()
        return folder if folder.is_dir() else None

    @property
    def on_hub(self) -> bool:
        return re.fullmatch(r"[\w.-]+/[\w.-]+", self.source) is not None


def replacement_name(replacement: str) -> str:
    """The name that rows record for a replacement: a folder's or file's own name, without the path to it."""
    path = Path(replacement).expanduser()
    return f"folder/{path.resolve().name}" if path.exists() else replacement


def place_of(name: str) -> Place:
    """Where a checkpoint named `FOLDER`, `NAMESPACE/NAME` or `NAMESPACE/NAME@REVISION` is."""
    if Path(name).expanduser().is_dir():
        return Place(name)
    source, _, revision = name.partition("@")
    return Place(source, revision or None)
