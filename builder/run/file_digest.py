"""Sizes and SHA-256 digests of the files of a run, by which damaged ones are found."""

import hashlib
from dataclasses import dataclass
from typing import Any, Self

REPAIR = "give the plan and generate commands again with --check"
"""What makes the damaged files of a run anew."""


class DamagedFile(ValueError):
    """A file that is no longer what was written. The message names it."""


@dataclass(frozen=True)
class FileDigest:
    """What a file held when it was written.

    Attributes:
        size: bytes.
        sha256: hexadecimal.
    """

    size: int
    sha256: str

    @classmethod
    def of(cls, data: bytes) -> Self:
        return cls(len(data), hashlib.sha256(data).hexdigest())

    @classmethod
    def parse(cls, fields: dict[str, Any] | None) -> Self | None:
        """From its JSON object; None from None, in files of earlier versions.

        Raises:
            KeyError, TypeError: it is another object.
        """
        if fields is None:
            return None
        if not isinstance(fields["size"], int) or not isinstance(fields["sha256"], str):
            raise TypeError("the digest of a file is not a size and a SHA-256")
        return cls(fields["size"], fields["sha256"])

    def problem(self, size: int | None, data: bytes | None = None) -> str | None:
        """What is wrong with a file, or None.

        Args:
            size: its size; None where there is no file.
            data: its content, where that is to be compared too.
        """
        if size is None:
            return "is missing"
        if size != self.size:
            return f"is damaged: it has {size:,} bytes and not {self.size:,}"
        if data is not None and hashlib.sha256(data).hexdigest() != self.sha256:
            return "is damaged: its SHA-256 is not the one of what was written"
        return None


def digest_file(path: str) -> FileDigest:
    """The digest of a local file."""
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return FileDigest(file.tell(), sha256)


def check(data: bytes, digest: FileDigest | None, path: str) -> bytes:
    """The content of a file, once it was compared with its digest; None compares nothing.

    Raises:
        DamagedFile: it is another; the message names `path`.
    """
    if digest and (problem := digest.problem(len(data), data)):
        raise DamagedFile(f"{path} {problem}")
    return data
