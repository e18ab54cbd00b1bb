"""Stores encoded rows of an import on disk, so that an interrupted import continues."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from builder.archives.pairs import Skip
from builder.archives.pixels import Encoded
from builder.dataset.shards import Entry
from builder.dataset.splits import Member
from builder.encoding.images import decode_mask, encode_mask
from builder.encoding.json_document import JsonDocument
from builder.run.directory import RunDirectory
from diffseg30k import CLASS_NAMES, LABELS

FOLDER = ".importing"


@dataclass(frozen=True)
class Staged:
    """A row that is encoded.

    Attributes:
        id: the row's.
        side: `train` or `validation`.
        classes: the class ids in its mask, ascending.
        size: bytes of its image and mask.
        digest: hexadecimal, of both.
    """

    id: str
    side: str
    classes: tuple[int, ...]
    size: int
    digest: str

    @property
    def entry(self) -> Entry:
        """What shards are planned from. The base image is not known: every row counts as one of its own."""
        generators = tuple(CLASS_NAMES[value] for value in self.classes)
        return Entry(self.id, Member(self.id, self.id, generators), self.size, bytes.fromhex(self.digest))


def _row(fields: dict[str, Any]) -> Staged | Skip:
    if "skip" in fields:
        return Skip(**fields["skip"])
    return Staged(**fields | {"classes": tuple(fields["classes"])})


_ROW = JsonDocument("a staged row", 1, _row, "delete the staging folder to import again")


@dataclass(frozen=True)
class Staging:
    """The staging folder of an import.

    Attributes:
        out: the folder of the dataset.
    """

    out: str

    @property
    def folder(self) -> str:
        return os.path.join(self.out, FOLDER)

    @cached_property
    def _files(self) -> RunDirectory:
        return RunDirectory(self.folder)

    def begin(self, settings: Mapping[str, object]) -> None:
        """Makes the folder, or goes on with one that was begun with the same settings.

        Raises:
            ValueError: it was begun with others.
        """
        text = json.dumps(settings, indent=1, sort_keys=True).encode()
        if not self._files.exists("settings.json"):
            self._files.write("settings.json", text)
        elif self._files.read("settings.json") != text:
            raise ValueError(
                f"{self.out} holds an import of other archives or labels that is not finished: "
                f"finish that one, or delete {self.folder}"
            )

    def finished(self) -> set[str]:
        """The ids of the pairs that are encoded or were found unusable."""
        return {name.removesuffix(".json") for name in self._files.names("rows") if name.endswith(".json")}

    def add(self, row: str, side: str, encoded: Encoded) -> None:
        self._files.write(f"rows/{row}.webp", encoded.image)
        self._files.write(f"rows/{row}.png", encoded.mask)
        digest = hashlib.blake2b(encoded.image + encoded.mask, digest_size=16).hexdigest()
        size = len(encoded.image) + len(encoded.mask)
        self._record(row, asdict(Staged(row, side, encoded.classes, size, digest)))

    def add_skip(self, row: str, skip: Skip) -> None:
        self._record(row, {"skip": asdict(skip)})

    def _record(self, row: str, fields: Mapping[str, object]) -> None:
        self._files.write(f"rows/{row}.json", _ROW.dump(fields))

    def read(self) -> tuple[list[Staged], list[Skip]]:
        """Everything that is encoded, and everything that was found unusable, in the order of the ids."""
        rows, skips = [], []
        for row in sorted(self.finished()):
            path = f"rows/{row}.json"
            found = _ROW.load(self._files.read(path), os.path.join(self.folder, path))
            if isinstance(found, Skip):
                skips.append(found)
            else:
                rows.append(found)
        return rows, skips

    def load(self, row: Staged) -> dict:
        """A row of the dataset, but for the held-out columns. What an archive does not tell is null."""
        semantic = self._files.read(f"rows/{row.id}.png")
        edited = bool(row.classes)
        return {
            "id": row.id,
            "image": _picture(self._files.read(f"rows/{row.id}.webp")),
            "binary_mask": _picture(encode_mask(decode_mask(semantic) > 0)),
            "semantic_mask": _picture(semantic),
            "label": LABELS.index("edited" if edited else "real"),
            "generators": list(row.classes),
            "num_edits": None if edited else 0,
            "base": dict.fromkeys(("source", "id", "generator", "prompt", "license", "url")),
            "edits": None if edited else [],
            "quality_score": None,
        }

    def has_pictures(self, row: Staged) -> bool:
        return all(self._files.exists(f"rows/{row.id}.{suffix}") for suffix in ("webp", "png"))

    def forget(self, row: Staged) -> None:
        """Lets a row be encoded again by the next import."""
        self._files.delete(f"rows/{row.id}.json")

    def drop(self, row: Staged) -> None:
        """Removes a row's pictures, once a shard holds them."""
        for suffix in ("webp", "png"):
            path = os.path.join(self.folder, "rows", f"{row.id}.{suffix}")
            if os.path.exists(path):
                os.remove(path)


def _picture(data: bytes) -> dict:
    return {"bytes": data, "path": None}
