"""Reads and writes `diffseg30k.json` of a dataset: the rows that were taken out of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from builder.dataset.directory import DatasetDirectory
from builder.encoding.json_document import JsonDocument
from builder.encoding.whole_file import write_whole

MANIFEST = "diffseg30k.json"


@dataclass(frozen=True)
class Manifest:
    """What a dataset says of rows that it no longer holds.

    Attributes:
        withdrawn: id of each row that was withdrawn to the reason, which may be empty. Such a row never returns.
        discarded: ids of rows that were packed, and discarded when they were scored anew. One that is accepted
            again returns.
    """

    withdrawn: Mapping[str, str] = field(default_factory=dict)
    discarded: frozenset[str] = frozenset()

    @property
    def gone(self) -> frozenset[str]:
        """The ids of all rows that were taken out."""
        return self.discarded | self.withdrawn.keys()


def read_manifest(dataset: DatasetDirectory) -> Manifest:
    """The manifest of a dataset; an empty one where there is none.

    Raises:
        ValueError: the file is damaged, or of a later version.
    """
    try:
        data = dataset.read(MANIFEST)
    except FileNotFoundError:
        return Manifest()
    return parse_manifest(data, f"{dataset.url}/{MANIFEST}")


def parse_manifest(data: bytes, where: str) -> Manifest:
    """A manifest from the bytes of its file.

    Raises:
        ValueError: it is damaged, or of a later version; the message names `where`.
    """
    return _DOCUMENT.load(data, where)


def write_manifest(folder: str, manifest: Manifest) -> None:
    """Writes the manifest of a dataset in a folder, where it differs from what is there: none is an empty one."""
    if manifest != read_manifest(DatasetDirectory(folder)):
        write_whole(f"{folder}/{MANIFEST}", _DOCUMENT.dump(manifest_fields(manifest)))


def manifest_fields(manifest: Manifest) -> dict[str, Any]:
    """A manifest as JSON."""
    return {"withdrawn": dict(sorted(manifest.withdrawn.items())), "discarded": sorted(manifest.discarded)}


def load_manifest(content: dict[str, Any]) -> Manifest:
    """A manifest from the fields of `manifest_fields`.

    Raises:
        KeyError, TypeError, AttributeError: they are others.
    """
    withdrawn, discarded = content["withdrawn"], content["discarded"]
    texts = [*withdrawn.keys(), *withdrawn.values(), *discarded]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("an id or a reason is not text")
    return Manifest(withdrawn, frozenset(discarded))


_DOCUMENT = JsonDocument("the manifest of a dataset", 1, load_manifest, "restore the file")
