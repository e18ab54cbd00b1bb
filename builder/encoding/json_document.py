"""Reads and writes JSON files with a format version and a digest of their content."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Content = TypeVar("Content")

_DIGEST = "content_sha256"


class DamagedDocument(ValueError):
    """A file that is no longer what was written: cut, or with other characters."""


@dataclass(frozen=True)
class JsonDocument(Generic[Content]):
    """A kind of JSON file: an object whose `format` is the version of its layout, and whose `content_sha256` is a
    digest of the rest. A file without the digest is read unchecked.

    Attributes:
        kind: what such a file is, for messages: `the record of an edit`.
        format: the version that is written, and the only one that is read.
        parse: the fields of the file, without `format`, to what they mean. Of what it raises, `ValueError`,
            `TypeError`, `KeyError` and `AttributeError` say that the file is not of this kind.
        remedy: what to do about a file that cannot be read: `delete it to edit again`.
        others_write: other tools write such files too, so one without a `format` counts as of this one.
    """

    kind: str
    format: int
    parse: Callable[[dict[str, Any]], Content]
    remedy: str
    others_write: bool = False

    def dump(self, fields: Mapping[str, Any]) -> bytes:
        """The file's bytes: UTF-8, indented, with a digest.

        Raises:
            ValueError: a number is infinite or not a number.
        """
        text = json.dumps({"format": self.format, **fields}, ensure_ascii=False, allow_nan=False)
        content = json.loads(text.encode("utf-8", errors="replace"))
        return json.dumps(content | {_DIGEST: _digest(content)}, ensure_ascii=False, indent=1).encode()

    def load(self, data: bytes, where: str) -> Content:
        """Parses a file of this kind.

        Args:
            data: its bytes.
            where: its path or URL, for messages.

        Raises:
            DamagedDocument: it was cut or changed; the message names file and remedy.
            ValueError: it is of another format or of another kind.
        """
        try:
            fields = json.loads(data)
        except ValueError as error:
            raise DamagedDocument(f"{where} is not {self.kind} ({error}); {self.remedy}") from error
        try:
            if not isinstance(fields, dict):
                raise TypeError("it holds no JSON object")
            if _DIGEST in fields and fields.pop(_DIGEST) != _digest(fields):
                raise DamagedDocument("its content is another than was written: its SHA-256 differs")
            found = fields.pop("format", self.format if self.others_write else None)
            if found != self.format:
                raise ValueError(f"its format is {found!r}, and {self.format} is read here")
            return self.parse(fields)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else error
            kind = DamagedDocument if isinstance(error, DamagedDocument) else ValueError
            raise kind(f"{where} is not {self.kind} ({reason}); {self.remedy}") from error


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
