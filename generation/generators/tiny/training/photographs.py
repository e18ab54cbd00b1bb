"""Photographs for training: which files, random crops at several scales, and random masks."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}

HELD_OUT_SHARE = 8
"""One photograph in so many is held out, by the hash of its name."""

TINT = 0.12
"""Largest change of a channel's gain."""

TURNED = 0.2
"""Share of the crops that are turned by 90 degrees."""

BOXES = 0.35
"""Share of the shapes in masks that are rounded boxes; the others are ellipses."""


class Photographs:
    """Photographs in memory, each at several sizes.

    Args:
        files: of images.
        shorter_sides: of each photograph, in pixels; one that is smaller is not enlarged.

    Raises:
        ValueError: no file is large enough.
    """

    def __init__(self, files: Sequence[Path], shorter_sides: Sequence[int]):
        self._sizes: list[list[np.ndarray]] = []
        for file in files:
            image = read(file, max(shorter_sides))
            sizes = [resized(image, side) for side in shorter_sides if side <= min(image.size)]
            if sizes:
                self._sizes.append(sizes)
        if not self._sizes:
            raise ValueError(f"no photograph has a shorter side of {min(shorter_sides)} pixels")

    def crops(self, count: int, side: int, draw: np.random.Generator) -> torch.Tensor:
        """(count, 3, side, side) float32 crops of -1 to 1: mirrored, turned and tinted at random."""
        return torch.from_numpy(np.stack([self._crop(side, draw) for _ in range(count)])) / 127.5 - 1

    def _crop(self, side: int, draw: np.random.Generator) -> np.ndarray:
        sizes = self._sizes[draw.integers(len(self._sizes))]
        whole = sizes[draw.integers(len(sizes))]
        top, left = (int(draw.integers(length - side + 1)) for length in whole.shape[:2])
        window = whole[top : top + side, left : left + side]
        if draw.random() < 0.5:
            window = window[:, ::-1]
        if draw.random() < TURNED:
            window = window.transpose(1, 0, 2)
        tinted = window.transpose(2, 0, 1) * draw.uniform(1 - TINT, 1 + TINT, (3, 1, 1))
        return tinted.clip(0, 255).astype(np.float32)


def read(file: Path, shorter_side: int) -> Image.Image:
    """An RGB image upright, decoded at a size not much larger than needed where its format allows that."""
    with Image.open(file) as opened:
        opened.draft("RGB", (shorter_side, shorter_side))
        return ImageOps.exif_transpose(opened).convert("RGB")


def resized(image: Image.Image, side: int) -> np.ndarray:
    """(H, W, 3) uint8, the shorter of H and W being `side`."""
    factor = side / min(image.size)
    size = (max(side, round(image.width * factor)), max(side, round(image.height * factor)))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS))


def photograph_files(folders: Sequence[Path], listing: Path | None) -> list[Path]:
    """The photographs in folders, in the order of their names.

    Args:
        folders: that hold photographs.
        listing: a JSON file whose `photographs` each have a `file`, relative to one of the folders; None for every
            image in the folders.

    Raises:
        ValueError: there are none.
    """
    if listing is None:
        files = [
            file for folder in folders for file in sorted(folder.iterdir()) if file.suffix.lower() in SUFFIXES
        ]
    else:
        names = [each["file"] for each in json.loads(listing.read_text(encoding="utf-8"))["photographs"]]
        files = [folder / name for name in names for folder in folders if (folder / name).is_file()]
    if not files:
        raise ValueError(f"there is no photograph in {', '.join(str(folder) for folder in folders)}")
    return files


def is_held_out(file: Path) -> bool:
    """Whether a photograph is kept from training, by the hash of its folder's and its own name."""
    digest = hashlib.sha256("/".join(file.parts[-4:]).encode()).digest()
    return digest[0] % HELD_OUT_SHARE == 0


def masks(count: int, side: int, draw: np.random.Generator, shapes: int = 3) -> torch.Tensor:
    """(count, 1, side, side) float32, 1 inside one to `shapes` ellipses or rounded boxes."""
    rows, columns = np.mgrid[:side, :side].astype(np.float32)

    def uniform(low: float, high: float) -> np.ndarray:
        return draw.uniform(low, high, (count, shapes, 1, 1)).astype(np.float32)

    turn, middle_row, middle_column = uniform(0, np.pi), uniform(0, side), uniform(0, side)
    height, width = uniform(0.1 * side, 0.36 * side), uniform(0.1 * side, 0.36 * side)
    across = (columns - middle_column) * np.cos(turn) + (rows - middle_row) * np.sin(turn)
    along = (rows - middle_row) * np.cos(turn) - (columns - middle_column) * np.sin(turn)
    power = np.where(uniform(0, 1) < BOXES, np.float32(8), np.float32(2))
    inside = np.abs(across / width) ** power + np.abs(along / height) ** power < 1
    inside &= np.arange(shapes)[:, None, None] < draw.integers(1, shapes + 1, (count, 1, 1, 1))
    return torch.from_numpy(inside.any(axis=1, keepdims=True).astype(np.float32))
