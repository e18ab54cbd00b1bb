"""Makes names of photographs that are valid as file names, row ids and base image ids."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_UNSAFE_CHARACTERS = re.compile(r"[^A-Za-z0-9._-]+")


def base_id(file_name: str) -> str:
    """The id of a photograph by its path inside its folder: the file's stem, or a hashed name if that is not safe.

    It depends on the path alone, so a photograph keeps its side of the 8:2 split when others are added.
    """
    stem = PurePosixPath(file_name).stem
    return stem if PurePosixPath(file_name).name == file_name and _SAFE.fullmatch(stem) else hashed(file_name)


def hashed(text: str) -> str:
    """A safe name with a digest of the text, unique to it."""
    slug = _UNSAFE_CHARACTERS.sub("-", PurePosixPath(text).stem).strip(".-")[:40]
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=6).hexdigest()
    return f"{slug}-{digest}" if slug else digest


def image_names(file_names: Sequence[str]) -> list[str]:
    """A name for each file, its `base_id` if that is unique; names differ even if case is ignored."""
    ids = [base_id(file_name) for file_name in file_names]
    uses = Counter(name.casefold() for name in ids)
    return [
        name if uses[name.casefold()] == 1 else hashed(file_name)
        for name, file_name in zip(ids, file_names, strict=True)
    ]
