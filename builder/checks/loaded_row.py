"""Decodes the images and masks of a row, for the checks that compare pixels."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from builder.encoding.webp_header import is_lossless
from diffseg30k import CLASS_NAMES, PALETTE


@dataclass(frozen=True)
class LoadedRow:
    """A row of `diffseg30k.features` as Python values, and what its pictures hold.

    Attributes:
        fields: the row; pictures are `{"bytes": …, "path": …}`.
        image: (H, W, 3) uint8; None where it cannot be decoded.
        binary: (H, W) uint8 values of `binary_mask`; None where it is no palette PNG.
        semantic: the same of `semantic_mask`.
        turns: the same of each edit's mask.
        original: (H, W, 3) uint8 of the base image; None where it is not kept or cannot be decoded.
        problems: what is wrong with pictures that could not be decoded: promise and detail.
    """

    fields: dict
    image: np.ndarray | None
    binary: np.ndarray | None
    semantic: np.ndarray | None
    turns: list[np.ndarray | None]
    original: np.ndarray | None
    problems: list[tuple[str, str]]

    @property
    def edits(self) -> list[dict]:
        return self.fields["edits"] or []

    @property
    def generators(self) -> list[int]:
        return self.fields["generators"] or []


WEBP = "images are lossless WebP"
PALETTE_PNG = "masks are palette PNGs in the classes' colours, whose pixels are class ids"


def load_row(fields: dict) -> LoadedRow:
    """Decodes the pictures of a row; what fails is in `problems`."""
    problems: list[tuple[str, str]] = []

    def image(name: str) -> np.ndarray | None:
        return _try(WEBP, name, fields[name], _decode_webp, problems)

    def mask(name: str, picture: dict | None, highest: int) -> np.ndarray | None:
        return _try(PALETTE_PNG, name, picture, lambda data: _decode_palette(data, highest), problems)

    return LoadedRow(
        fields=fields,
        image=image("image"),
        binary=mask("binary_mask", fields["binary_mask"], 1),
        semantic=mask("semantic_mask", fields["semantic_mask"], len(CLASS_NAMES) - 1),
        turns=[
            mask(f"the mask of edit {number}", edit["mask"], 1)
            for number, edit in enumerate(fields["edits"] or [], start=1)
        ],
        original=image("original") if "original" in fields else None,
        problems=problems,
    )


def _try(
    promise: str,
    name: str,
    picture: dict | None,
    decode: Callable[[bytes], np.ndarray],
    problems: list[tuple[str, str]],
) -> np.ndarray | None:
    if not picture or not picture["bytes"]:
        problems.append((promise, f"{name} is missing"))
        return None
    try:
        return decode(picture["bytes"])
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        problems.append((promise, f"{name}: {error}"))
        return None


def _decode_webp(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=("WEBP",)) as image:
        if not is_lossless(data):
            raise ValueError("it is a lossy WebP")
        return np.asarray(image.convert("RGB"))


def _decode_palette(data: bytes, highest: int) -> np.ndarray:
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        if image.mode != "P":
            raise ValueError(f"it has mode {image.mode} and no palette")
        colours = image.getpalette("RGB") or []
        mask = np.asarray(image)
    expected = [channel for colour in PALETTE for channel in colour]
    if colours[: len(expected)] != expected[: len(colours)] or len(colours) < 3 * (highest + 1):
        raise ValueError("its palette is another")
    if mask.size and mask.max() > highest:
        raise ValueError(f"it holds the value {mask.max()}, where {highest} is the highest")
    return mask
