"""Describes a checkpoint: its name, revision, licence and location, and the errors for an unavailable one."""

import re
from dataclasses import dataclass
from pathlib import Path

TINY_PREFIX, FOLDER_PREFIX = "tiny/", "folder/"
"""What the name of a checkpoint begins with that is not published: a tiny one, or a folder of the user's."""


class CheckpointError(ValueError):
    """A checkpoint is missing, gated or damaged; the message names it, where it was searched, and what to do."""


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
        variant: which variant of the Hub's files is used, such as `fp16`; None for the files without a variant.
        files: the files, for a checkpoint that is not on the Hub.
        also: further weights that it needs, published in other repositories.
        quantized: how the denoiser's weights are quantised when it is loaded, such as `int8`; None for not at all.
    """

    repository: str
    revision: str
    license: str
    license_url: str
    gigabytes: float
    gated: bool = False
    variant: str | None = None
    files: tuple["PublishedFile", ...] = ()
    also: tuple["Place", ...] = ()
    quantized: str | None = None

    @property
    def name(self) -> str:
        name = f"{self.repository}@{self.revision}"
        return f"{name}+{self.quantized}" if self.quantized else name

    @property
    def folder_name(self) -> str:
        """Its folder name in the cache of files that are not on the Hub."""
        return self.name.replace("/", "--")

    @property
    def place(self) -> "Place":
        return Place(self.repository, self.revision, self.variant)

    @property
    def places(self) -> tuple["Place", ...]:
        """All Hub repositories that it needs."""
        return (self.place, *self.also)


@dataclass(frozen=True)
class PublishedFile:
    """A file that is not on the Hub.

    Attributes:
        url: its address.
        sha256: of its content, hexadecimal; None where the publisher states none.
    """

    url: str
    sha256: str | None = None

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Place:
    """Where a checkpoint's weights are: a folder, or a Hub repository at a revision.

    Attributes:
        source: a folder or a name on the Hub.
        revision: of a name on the Hub; None for its newest, or for a folder.
        variant: which variant of the Hub's files is used, such as `fp16`; None for the files without a variant.
    """

    source: str
    revision: str | None = None
    variant: str | None = None

    @property
    def name(self) -> str:
        return f"{self.source}@{self.revision}" if self.revision else self.source

    @property
    def folder(self) -> Path | None:
        """The folder; None for a Hub repository."""
        folder = Path(self.source).expanduser()
        return folder if folder.is_dir() else None

    @property
    def on_hub(self) -> bool:
        return re.fullmatch(r"[\w.-]+/[\w.-]+", self.source) is not None


def replacement_name(replacement: str) -> str:
    """The name that dataset rows record for a replacement: for a folder or file its last path component."""
    path = Path(replacement).expanduser()
    return f"folder/{path.resolve().name}" if path.exists() else replacement


def place_of(name: str) -> Place:
    """Parses `FOLDER`, `NAMESPACE/NAME` or `NAMESPACE/NAME@REVISION` to a `Place`."""
    if Path(name).expanduser().is_dir():
        return Place(name)
    source, _, revision = name.partition("@")
    return Place(source, revision or None)
