"""Photographs to edit: a folder of them, and the COCO file that names their objects and licences."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import fsspec
import numpy as np

from generation.generators.settings import GeneratorSettings
from generation.sources.coco_file import Annotation, CocoFile, Skip, load_coco
from generation.sources.image_files import decode_square
from generation.sources.image_names import base_id, image_names
from generation.sources.licenses import forbids_derivatives

__all__ = [
    "Annotation",
    "Painting",
    "Photograph",
    "Skip",
    "SourceOptions",
    "Sources",
    "base_image",
    "read_coco",
    "read_file",
    "read_folder",
]

FORBIDDEN = "its licence forbids derivatives"
"""Why a photograph is skipped that `any_license` would keep."""


SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".jp2")
)
"""Of the files of a folder that are taken for pictures."""


@dataclass(frozen=True)
class SourceOptions:
    """Where the base images come from.

    Attributes:
        images: the photographs, a folder or an fsspec URL.
        annotations: a COCO instances file or its fsspec URL; None takes every picture of the folder.
        any_license: keep photographs whose licence forbids derivatives.
        captions: a COCO captions file or its fsspec URL, from which generators make base images; None for none.
        generated_share: of the edited images, those whose base image is made from a caption, 0 to 1.

    Raises:
        ValueError: the share is none, or is asked for without captions.
    """

    images: str
    annotations: str | None
    any_license: bool = False
    captions: str | None = None
    generated_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.generated_share <= 1:
            raise ValueError(f"--generated-share is from 0 to 1, not {self.generated_share}")
        if self.generated_share and self.captions is None:
            raise ValueError("pictures are made from captions: name a COCO captions file with --captions")


@dataclass(frozen=True)
class Painting:
    """How a base image is made that is no photograph.

    Attributes:
        settings: of the generator that makes it.
        prompt: the caption.
        seed: of its noise.
    """

    settings: GeneratorSettings
    prompt: str
    seed: int


@dataclass(frozen=True)
class Photograph:
    """One photograph, or picture to be made, and what is annotated on it. Its file has not been looked at.

    Attributes:
        image: its name in a run; unique, letters, digits, `.`, `_` and `-`.
        base_id: what the 8:2 goes by. Images cut from one photograph share it where their COCO entries say so:
            `"photograph": NAME` in an entry of `images` is our extension of the format.
        path: the file, or its fsspec URL.
        license: the licence's URL, or its name where it has none, or None where nothing is said.
        url: where it was published, or None.
        width: as annotated, in pixels; 0 where nothing is.
        height: as annotated, in pixels; 0 where nothing is.
        annotations: its objects.
        painting: how it is made; None for a photograph.
    """

    image: str
    base_id: str
    path: str
    license: str | None
    url: str | None
    width: int
    height: int
    annotations: tuple[Annotation, ...]
    painting: Painting | None = None

    @property
    def file_name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Sources:
    """What there is to edit, by name, what is left out, and the file that says so."""

    photographs: tuple[Photograph, ...]
    skipped: tuple[Skip, ...]
    coco: CocoFile | None = None


def read_coco(images: str, annotations: str, any_license: bool = False) -> Sources:
    """The photographs that a COCO file describes, in the order of their names.

    Args:
        images: the folder of the photographs, or its fsspec URL.
        annotations: the COCO instances file, or its fsspec URL.
        any_license: keep photographs whose licence forbids derivatives.

    Raises:
        FileNotFoundError: the file is not there, or the folder holds no file.
        ValueError: the file is not a COCO instances file.
    """
    coco = load_coco(annotations)
    files = _files(images)
    found, skipped = [], list(coco.skipped)
    names = image_names([entry["file_name"] for entry in coco.images.values()])
    for (key, entry), name in zip(coco.images.items(), names, strict=True):
        texts = _license_texts(entry, coco)
        if entry["file_name"] not in files:
            skipped.append(Skip(entry["file_name"], "the file is not in the folder of the photographs"))
        elif not any_license and any(map(forbids_derivatives, texts)):
            skipped.append(Skip(entry["file_name"], FORBIDDEN))
        else:
            path = _join(images, entry["file_name"])
            found.append(_photograph(entry, name, path, texts, coco.annotations.get(key, [])))
    return Sources(tuple(sorted(found, key=lambda photograph: photograph.image)), tuple(skipped), coco)


def read_folder(images: str) -> Sources:
    """The photographs of a folder of which nothing is known, in the order of their names.

    Args:
        images: the folder, or its fsspec URL; folders below it count.

    Raises:
        FileNotFoundError: the folder holds no file.
    """
    files = sorted(_files(images))
    pictures = [name for name in files if PurePosixPath(name).suffix.lower() in SUFFIXES]
    photographs = [
        Photograph(name, base_id(file), _join(images, file), None, None, 0, 0, ())
        for file, name in zip(pictures, image_names(pictures), strict=True)
    ]
    skipped = [Skip(name, "its name is not a picture's") for name in sorted(set(files) - set(pictures))]
    return Sources(tuple(sorted(photographs, key=lambda photograph: photograph.image)), tuple(skipped))


def _join(folder: str, name: str) -> str:
    """The path of a file in a folder, which may lie in an archive: `zip://FOLDER::ARCHIVE`."""
    first, *rest = folder.split("::")
    return "::".join([f"{first.rstrip('/')}/{name}", *rest])


def _files(folder: str) -> set[str]:
    """The files below a folder, relative to it."""
    filesystem, root = fsspec.core.url_to_fs(folder)
    root = root.rstrip("/")
    files = {path.removeprefix(root).lstrip("/") for path in filesystem.find(root)}
    if not files:
        raise FileNotFoundError(f"the folder of the photographs, {folder}, is not there or holds no file")
    return files


def _license_texts(entry: dict[str, Any], coco: CocoFile) -> list[str]:
    """All that is said of an image's licence: the URL first, then the name."""
    licence = entry.get("license")
    if not isinstance(licence, int | str):
        return []
    said = coco.licenses.get(licence, {})
    texts = [said.get("url"), said.get("name")] if said else [licence]
    return [text.strip() for text in texts if isinstance(text, str) and text.strip()]


def _photograph(
    entry: dict[str, Any], name: str, path: str, license_texts: list[str], annotations: Iterable[Annotation]
) -> Photograph:
    urls = (entry.get(key) for key in ("flickr_url", "coco_url", "url"))
    photograph = entry.get("photograph")
    return Photograph(
        image=name,
        base_id=str(photograph) if photograph else base_id(entry["file_name"]),
        path=path,
        license=license_texts[0] if license_texts else None,
        url=next((url for url in urls if isinstance(url, str) and url), None),
        width=int(entry["width"]),
        height=int(entry["height"]),
        annotations=tuple(annotations),
    )


def read_file(photograph: Photograph) -> bytes:
    """The bytes of a photograph's file."""
    filesystem, path = fsspec.core.url_to_fs(photograph.path)
    return filesystem.cat_file(path)


def base_image(photograph: Photograph, side: int) -> np.ndarray:
    """The base image of a photograph: upright, the shorter side brought to `side`, the middle square.

    Returns:
        (side, side, 3) uint8, RGB.

    Raises:
        UnusablePicture: the file is not a picture that can be edited.
    """
    return decode_square(read_file(photograph), side)
