"""Reads a COCO instances file: its usable images and annotations, and the reasons why others are skipped."""

import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec

MOST_PIXELS = 2**28
"""Of an annotated image, 16,384 squared: its masks are drawn at that size."""


@dataclass(frozen=True)
class Skip:
    """A photograph or annotation that is skipped, with the reason.

    Attributes:
        name: name of the photograph or annotation.
        reason: the reason; the same text for every case of one cause.
    """

    name: str
    reason: str


@dataclass(frozen=True)
class Annotation:
    """One annotated object.

    Attributes:
        category: such as `dog`.
        supercategory: such as `animal`; empty if the file names none.
        segmentation: COCO's format: a list of polygons, or a run-length encoding, compressed or not.
        is_crowd: whether it outlines several objects as one.
        area: area in pixels of the annotated image, from the file; 0 if it has none.
    """

    category: str
    supercategory: str
    segmentation: Any
    is_crowd: bool
    area: float


@dataclass(frozen=True)
class CocoFile:
    """A COCO instances file.

    Attributes:
        images: the usable image entries, by id.
        annotations: the annotations of each image, by image id, in the file's order.
        licenses: for each licence id its URL, or its name, and all of its texts.
        skipped: unusable entries, with reasons.
    """

    images: dict[int | str, dict[str, Any]]
    annotations: dict[int | str, list[Annotation]]
    licenses: dict[int | str, dict[str, Any]]
    skipped: tuple[Skip, ...]


def load_coco(path: str) -> CocoFile:
    """Reads a COCO instances file; compressed files such as `.gz` are unpacked.

    Args:
        path: a file or an fsspec URL.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not JSON or not a COCO instances file; the message says what is missing.
    """
    content = read_lists(path, ("images", "annotations", "categories"), "instances")
    images, skipped_images = _images(_entries(content["images"]))
    categories = _categories(_entries(content["categories"]), path)
    annotations, skipped_annotations = _annotations(_entries(content["annotations"]), images, categories)
    licenses = {key: entry for entry in _entries(content.get("licenses")) if (key := id_of(entry)) is not None}
    return CocoFile(images, annotations, licenses, (*skipped_images, *skipped_annotations))


def read_lists(path: str, wanted: Sequence[str], kind: str) -> dict[str, Any]:
    """Reads a JSON file whose content is an object with lists under given keys.

    Args:
        path: a file or an fsspec URL.
        wanted: keys of the lists.
        kind: `instances` or `captions`, for the messages.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not JSON, or lacks a list.
    """
    try:
        with fsspec.open(path, "rb", compression="infer") as file:
            content = json.loads(file.read())
    except FileNotFoundError:
        raise FileNotFoundError(f"the {_contents(kind)} file {path} is not there") from None
    except IsADirectoryError:
        raise ValueError(f"{path} is a folder; the {_contents(kind)} are a COCO {kind} file (JSON)") from None
    except (ValueError, RecursionError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} is not JSON ({error}); the {_contents(kind)} are a COCO {kind} file") from error
    missing = [key for key in wanted if not isinstance(content, dict) or not isinstance(content.get(key), list)]
    if missing:
        raise ValueError(
            f"{path} is not a COCO {kind} file: it has no list of {' and of '.join(missing)}. "
            f"Instances, captions and keypoints are in different files; give {kind}_*.json"
        )
    return content


def _contents(kind: str) -> str:
    return "annotation" if kind == "instances" else kind


def _entries(found: Any) -> list[dict[str, Any]]:
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def id_of(entry: dict[str, Any], key: str = "id") -> int | str | None:
    """The id in an entry if it is a string or an integer, else None."""
    value = entry.get(key)
    return value if isinstance(value, int | str) and not isinstance(value, bool) else None


def _categories(entries: Iterable[dict[str, Any]], path: str) -> dict[int | str, dict[str, Any]]:
    categories: dict[int | str, dict[str, Any]] = {}
    for entry in entries:
        key, name = id_of(entry), entry.get("name")
        if key is None or not isinstance(name, str) or not name.strip():
            continue
        if key in categories and categories[key]["name"] != name:
            raise ValueError(f"{path}: category id {key} is both {categories[key]['name']!r} and {name!r}")
        categories[key] = entry
    return categories


def _images(entries: Iterable[dict[str, Any]]) -> tuple[dict[int | str, dict[str, Any]], list[Skip]]:
    entries = list(entries)
    ids = Counter(id_of(entry) for entry in entries)
    images: dict[int | str, dict[str, Any]] = {}
    seen: set[str] = set()
    skipped = []
    for entry in entries:
        name, key = entry.get("file_name"), id_of(entry)
        if reason := _image_problem(entry, ids[key], seen):
            skipped.append(Skip(str(name or f"image {key}"), reason))
        elif key is not None:
            images[key] = entry
        seen.add(str(name))
    return images, skipped


def _image_problem(entry: dict[str, Any], uses_of_id: int, seen: set[str]) -> str | None:
    name = entry.get("file_name")
    if id_of(entry) is None:
        return "the image entry has no id"
    if uses_of_id > 1:
        return "several image entries have its id, so its annotations are ambiguous"
    if not isinstance(name, str) or not name.strip():
        return "the image entry has no file_name"
    if leaves_folder(name):
        return "its file_name points outside the folder of the photographs"
    if name in seen:
        return "an earlier image entry has the same file_name"
    if not all(_is_length(entry.get(key)) for key in ("width", "height")):
        return "the image entry has no width and height"
    if entry["width"] * entry["height"] > MOST_PIXELS:
        return f"the image entry's width and height give more than {MOST_PIXELS:,} pixels"
    return None


def leaves_folder(name: str) -> bool:
    """Whether a relative file name could point outside its folder."""
    parts = re.split(r"[\\/]", name)
    return parts[0] == "" or ".." in parts or ":" in parts[0] or "\0" in name or "::" in name


def _is_length(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and 1 <= value < 2**20
        and value == int(value)
    )


def _annotations(
    entries: Iterable[dict[str, Any]],
    images: dict[int | str, dict[str, Any]],
    categories: dict[int | str, dict[str, Any]],
) -> tuple[dict[int | str, list[Annotation]], list[Skip]]:
    found: dict[int | str, list[Annotation]] = {}
    skipped = []
    for entry in entries:
        image, category = id_of(entry, "image_id"), id_of(entry, "category_id")
        if image is None or image not in images:
            reason = "the annotation's image_id is not among the images that can be used"
        elif category is None or category not in categories:
            reason = "the annotation's category_id is not among the categories"
        elif not entry.get("segmentation"):
            reason = "the annotation has no segmentation"
        else:
            found.setdefault(image, []).append(_annotation(entry, categories[category]))
            continue
        skipped.append(Skip(f"annotation {entry.get('id')}", reason))
    return found, skipped


def _annotation(entry: dict[str, Any], category: dict[str, Any]) -> Annotation:
    return Annotation(
        category=category["name"],
        supercategory=str(category.get("supercategory") or ""),
        segmentation=entry["segmentation"],
        is_crowd=bool(entry.get("iscrowd")),
        area=_area(entry.get("area")),
    )


def _area(value: Any) -> float:
    """An area in pixels; 0 for what is none that an image of this size could have."""
    possible = isinstance(value, int | float) and 0 <= value <= MOST_PIXELS
    return float(value) if possible else 0.0
