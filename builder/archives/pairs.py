"""The published archives' members: an image and its mask make a pair, and whatever is no pair is named."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from zipfile import ZipInfo

from builder.archives.zip_members import Archive

UNSAFE = "its path leaves the folder"
FOREIGN = "it is not named like a sample"
DUPLICATE = "a member of that name came before"
NO_MASK = "the image has no mask"
NO_IMAGE = "the mask has no image"
CUT = "the archive ends within it"

_MEMBER = re.compile(r"(?:(?P<folder>.+)/)?(?P<number>\d+)\.(?P<kind>image|mask)\.png")


@dataclass(frozen=True)
class Skip:
    """What is left out of an import, and why.

    Attributes:
        archive: the archive's URL.
        member: the name of the member, or of a pair's image.
        reason: the kind of trouble, the same for all that have it.
        detail: further information; empty if the reason is enough.
    """

    archive: str
    member: str
    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.archive}: {self.member}: {self.reason}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class Pair:
    """An image and its mask in an archive.

    Attributes:
        id: the id of the row that they become.
    """

    id: str
    image: ZipInfo
    mask: ZipInfo


def pairs(archive: Archive, side: str) -> Iterator[Pair | Skip]:
    """The pairs of an archive in the order in which they are complete, and what is none.

    Args:
        side: the side of the 8:2 that the archive is, which goes into the ids.
    """
    seen: set[str] = set()
    waiting: dict[str, tuple[str, ZipInfo]] = {}
    for member in archive.members():
        if trouble := _trouble(member.filename, seen):
            yield Skip(archive.url, member.filename, trouble)
            continue
        seen.add(member.filename)
        match = _MEMBER.fullmatch(member.filename)
        assert match
        row = row_id(side, match["folder"], match["number"])
        kind = match["kind"]
        if row not in waiting:
            waiting[row] = kind, member
        elif waiting[row][0] == kind:  # of two folders whose names differ only in odd characters
            yield Skip(archive.url, member.filename, DUPLICATE)
        else:
            _, other = waiting.pop(row)
            yield Pair(row, member, other) if kind == "image" else Pair(row, other, member)
    if archive.cut:
        yield Skip(archive.url, archive.cut, CUT)
    for kind, member in waiting.values():
        yield Skip(archive.url, member.filename, NO_MASK if kind == "image" else NO_IMAGE)


def row_id(side: str, folder: str | None, number: str) -> str:
    """The id of a published sample: `train-00000000`.

    The folder is part of it, unless it is named like the side. It holds no character that a file name cannot.
    """
    parts = [side, *(part for part in (folder or "").split("/") if part and part != side), number]
    return "-".join(re.sub(r"[^\w.-]", "_", part, flags=re.ASCII) for part in parts)


def _trouble(name: str, seen: set[str]) -> str | None:
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or ":" in name.split("/")[0]:
        return UNSAFE
    if not _MEMBER.fullmatch(name):
        return FOREIGN
    return DUPLICATE if name in seen else None
