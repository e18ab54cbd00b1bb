"""The published archives' members: an image and its mask make a pair, and whatever is no pair is named."""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from builder.archives.zip_members import Archive
from builder.archives.zip_scan import name_of

UNSAFE = "its path leaves the folder"
FOREIGN = "it is not named like a sample"
DUPLICATE = "a member of that name came before"
NO_MASK = "the image has no mask"
NO_IMAGE = "the mask has no image"
CUT = "the archive ends within it"
NOT_UTF8 = "its name is not UTF-8"

_MEMBER = re.compile(r"(?:(?P<folder>.+)/)?(?P<number>[0-9]+)\.(?P<kind>image|mask)\.png")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_.]{0,39}")
_LONGEST_NUMBER = 20


@dataclass(frozen=True)
class Skip:
    """What is left out of an import, and why.

    Attributes:
        archive: the archive's URL.
        member: the name of the member, or of a pair's image.
        reason: the kind of trouble, the same for all that have it.
        detail: further information; empty if the reason is enough.
        members: how many members are left out: 2 for a pair, 0 where the trouble is the archive's.
    """

    archive: str
    member: str
    reason: str
    detail: str = ""
    members: int = 1

    def __str__(self) -> str:
        place = f"{self.archive}: {self.member}" if self.member else self.archive
        return f"{place}: {self.reason}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class Pair:
    """An image and its mask in an archive.

    Attributes:
        id: the id of the row that they become.
    """

    id: str
    image: zipfile.ZipInfo
    mask: zipfile.ZipInfo


def pairs(archive: Archive, side: str, position: int = 0) -> Iterator[Pair | Skip]:
    """The pairs of an archive in the order in which they are complete, and what is none.

    An image and a mask are a pair if their names are equal but for the kind, folder included.

    Args:
        side: the side of the 8:2 that the archive is, which goes into the ids.
        position: of the archive among those of its side, which goes into the ids if it is not 0.
    """
    seen: set[str] = set()
    waiting: dict[tuple[str | None, str], zipfile.ZipInfo] = {}
    for member in archive.members():
        name = name_of(member)
        if trouble := _trouble(name, seen):
            yield Skip(archive.url, printable(name), trouble)
            continue
        seen.add(name)
        match = _MEMBER.fullmatch(name)
        assert match
        key = match["folder"], match["number"]
        if key not in waiting:
            waiting[key] = member
            continue
        other = waiting.pop(key)
        image, mask = (member, other) if match["kind"] == "image" else (other, member)
        yield Pair(row_id(side, *key, position), image, mask)
    if archive.cut:
        yield Skip(archive.url, printable(archive.cut), CUT)
    for reason, detail in archive.troubles():
        yield Skip(archive.url, "", reason, detail, members=0)
    for member in waiting.values():
        name = name_of(member)
        yield Skip(archive.url, printable(name), NO_MASK if name.endswith(".image.png") else NO_IMAGE)


def row_id(side: str, folder: str | None, number: str, position: int = 0) -> str:
    """The id of a published sample: `train-00000000`, or `train-FOLDER-00000000` if the folder is not the side's.

    Two members of one side never have one id: where a folder is missing, nested or has other characters than
    lowercase letters, digits, `_` and `.`, a digest of the whole name ends the id. It is a valid file name.
    """
    plain = folder is not None and _PLAIN.fullmatch(folder) and len(number) <= _LONGEST_NUMBER
    if plain and not position:
        return f"{side}-{number}" if folder == side else f"{side}-{folder}-{number}"
    readable = re.sub(r"[^a-z0-9_.]+", "_", folder or "", flags=re.ASCII)[:40]
    digest = hashlib.blake2b(json.dumps([position, folder, number]).encode(), digest_size=8).hexdigest()
    return "-".join([side, *([readable] if readable else []), number[:_LONGEST_NUMBER], f"x{digest}"])


def printable(name: str) -> str:
    """A member's name for messages and files: bytes and characters that cannot be shown are escaped."""
    text = name.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="backslashreplace")
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _trouble(name: str, seen: set[str]) -> str | None:
    if any("\ud800" <= each <= "\udfff" for each in name):
        return NOT_UTF8
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or ":" in name.split("/")[0]:
        return UNSAFE
    if not _MEMBER.fullmatch(name):
        return FOREIGN
    return DUPLICATE if name in seen else None
