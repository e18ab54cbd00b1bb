"""COCO captions files: what is to be seen on a photograph, for base images that generators make."""

from dataclasses import dataclass
from typing import Any

from generation.sources.coco_file import Skip, id_of, read_lists

MAX_LETTERS = 1000
"""Of a caption; one that is longer is no caption."""


@dataclass(frozen=True)
class Caption:
    """What is to be seen on a photograph.

    Attributes:
        id: the caption's, unique in its file.
        photograph: the `image_id` of the photograph that it describes.
        text: one line.
    """

    id: int | str
    photograph: int | str
    text: str


def read_captions(path: str) -> tuple[list[Caption], list[Skip]]:
    """The captions of a COCO captions file, and the entries that cannot be used.

    Args:
        path: a file such as `captions_train2017.json`, or its fsspec URL; `.gz` and the like are unpacked.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a COCO captions file, or no caption of it can be used.
    """
    content = read_lists(path, ("annotations",), "captions")
    captions: dict[int | str, Caption] = {}
    skipped = []
    for entry in content["annotations"]:
        found = _caption(entry)
        if found is None or found.id in captions:
            reason = "it is no caption" if found is None else "an earlier caption has the same id"
            skipped.append(Skip(f"caption {entry.get('id') if isinstance(entry, dict) else entry!r}", reason))
        else:
            captions[found.id] = found
    if not captions:
        raise ValueError(f"{path} holds no caption; what is wanted is captions_*.json of COCO")
    return list(captions.values()), skipped


def _caption(entry: Any) -> Caption | None:
    if not isinstance(entry, dict):
        return None
    key, photograph, text = id_of(entry), id_of(entry, "image_id"), entry.get("caption")
    if key is None or photograph is None or not isinstance(text, str):
        return None
    line = " ".join(text.split())
    return Caption(key, photograph, line) if 0 < len(line) <= MAX_LETTERS else None
