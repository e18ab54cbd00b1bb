"""Lists the photographs of a folder, with annotations and licences from a COCO file if there is one."""

import codecs
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import fsspec
import numpy as np

from builder.encoding.secrets import without_signature
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
"""The reason for skipping a photograph that `any_license` would keep."""


SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "png", "webp", "tif", "tiff", "bmp", "gif", "ppm", "pgm", "jp2"),
        *("avif", "heic", "heif", "hif"),
    )
)
"""File extensions of photographs in a folder without annotations."""


@dataclass(frozen=True)
class SourceOptions:
    """The sources of base images.

    Attributes:
        images: folder of the photographs, or its fsspec URL.
        annotations: COCO instances file, or its fsspec URL; None uses every photograph of the folder.
        any_license: whether photographs whose licence forbids derivatives are kept.
        captions: COCO captions file, or its fsspec URL, for generated base images; None for no such images.
        generated_share: share of the edited images whose base image is generated from a caption, 0 to 1.

    Raises:
        ValueError: the share is not from 0 to 1, or is above 0 without captions.
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
            raise ValueError("--generated-share needs captions: give a COCO captions file with --captions")

    def check(self) -> None:
        """Looks whether the folder and the files are there and could be JSON, where they are not behind URLs.

        Raises:
            FileNotFoundError: one of them is not there.
            ValueError: a file is no JSON object.
        """
        if "://" not in self.images and not os.path.isdir(self.images):
            raise FileNotFoundError(f"--images {self.images}: there is no such folder")
        for option, file in (("--annotations", self.annotations), ("--captions", self.captions)):
            if file is not None and "://" not in file:
                _check_json(option, file)


def _check_json(option: str, file: str) -> None:
    if not os.path.isfile(file):
        raise FileNotFoundError(f"{option} {file}: there is no such file")
    if fsspec.utils.infer_compression(file):
        return  # what is packed in it is not known before it is read
    with open(file, "rb") as opened:
        start = opened.read(4096).lstrip(codecs.BOM_UTF8 + b" \t\r\n")
    if not start.startswith(b"{"):
        raise ValueError(f"{option} {file} is not JSON: it takes a COCO file")


@dataclass(frozen=True)
class Painting:
    """How a base image is generated.

    Attributes:
        settings: the settings of its generator.
        prompt: the caption.
        seed: seed of the noise.
    """

    settings: GeneratorSettings
    prompt: str
    seed: int


@dataclass(frozen=True)
class Photograph:
    """One photograph, or picture to be generated, with its annotations. Its file has not been read.

    Attributes:
        image: its unique name in a run: letters, digits, `.`, `_` and `-`.
        base_id: id whose hash decides the side of the 8:2 split. Crops of one photograph share it if their COCO
            entries have the same `"photograph": NAME`, our extension of the format.
        path: the file, or its fsspec URL.
        license: the licence's URL, or its name if it has no URL; None if unknown.
        url: where it was published; None if unknown.
        width: width of the annotated image, in pixels; 0 without annotations.
        height: height of the annotated image, in pixels; 0 without annotations.
        annotations: its annotated objects.
        painting: how it is generated; None for a photograph.
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
    """The usable photographs sorted by name, the skipped ones, and the COCO file."""

    photographs: tuple[Photograph, ...]
    skipped: tuple[Skip, ...]
    coco: CocoFile | None = None


def read_coco(images: str, annotations: str, any_license: bool = False) -> Sources:
    """Lists the photographs in a COCO file, sorted by name.

    Args:
        images: the folder of the photographs, or its fsspec URL.
        annotations: the COCO instances file, or its fsspec URL.
        any_license: whether photographs whose licence forbids derivatives are kept.

    Raises:
        FileNotFoundError: the COCO file does not exist, or the folder holds no file.
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
    named = {entry["file_name"] for entry in coco.images.values()} | {skip.name for skip in skipped}
    skipped += [Skip(name, "the annotation file does not name it") for name in sorted(files - named)]
    return Sources(tuple(sorted(found, key=lambda photograph: photograph.image)), tuple(skipped), coco)


def read_folder(images: str) -> Sources:
    """Lists the photographs of a folder without annotations, sorted by name.

    Args:
        images: the folder, or its fsspec URL; subfolders are included.

    Raises:
        FileNotFoundError: the folder holds no file.
    """
    files = sorted(_files(images))
    pictures = [name for name in files if PurePosixPath(name).suffix.lower() in SUFFIXES]
    photographs = [
        Photograph(name, base_id(file), _join(images, file), None, None, 0, 0, ())
        for file, name in zip(pictures, image_names(pictures), strict=True)
    ]
    skipped = [Skip(name, "its file extension is not an image's") for name in sorted(set(files) - set(pictures))]
    return Sources(tuple(sorted(photographs, key=lambda photograph: photograph.image)), tuple(skipped))


def _join(folder: str, name: str) -> str:
    """The path of a file in a folder, which may be inside an archive: `zip://FOLDER::ARCHIVE`."""
    first, *rest = folder.split("::")
    return "::".join([f"{first.rstrip('/')}/{name}", *rest])


def _files(folder: str) -> set[str]:
    """The paths of all files below a folder, relative to it."""
    filesystem, root = fsspec.core.url_to_fs(folder)
    root = root.rstrip("/")
    files = {path.removeprefix(root).lstrip("/") for path in filesystem.find(root)}
    if not files:
        raise FileNotFoundError(f"the folder of the photographs, {folder}, is not there or holds no file")
    return files


def _license_texts(entry: dict[str, Any], coco: CocoFile) -> list[str]:
    """All texts about an image's licence: the URL first, then the name."""
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
        url=next((without_signature(url) for url in urls if isinstance(url, str) and url), None),
        width=int(entry["width"]),
        height=int(entry["height"]),
        annotations=tuple(annotations),
    )


def read_file(photograph: Photograph) -> bytes:
    """Reads a photograph's file."""
    filesystem, path = fsspec.core.url_to_fs(photograph.path)
    return filesystem.cat_file(path)


def base_image(photograph: Photograph, side: int) -> np.ndarray:
    """Makes the base image of a photograph: upright, the central square, resized to `side`.

    Returns:
        (side, side, 3) uint8, RGB.

    Raises:
        UnusablePicture: the file is not an image that can be edited.
    """
    return decode_square(read_file(photograph), side)
