"""Archives as the dataset was published: images and masks side by side in a zip file."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

LABELS = {"1": "sd2", "2": "kolors", "3": "sd3.5", "4": "flux.1", "5": "sdxl", "6": "glide", "7": "hunyuandit1.1"}
"""Some order that is not ours; 8 is left out."""

SIDES = (160, 192, 256)


@dataclass(frozen=True)
class Sample:
    """One published pair.

    Attributes:
        name: `00000000`.
        image: (H, W, 3) uint8.
        values: (H, W) uint8, the published mask.
    """

    name: str
    image: np.ndarray
    values: np.ndarray


def samples(count: int, seed: int = 0, sides: tuple[int, ...] = SIDES) -> Iterator[Sample]:
    """Crops of photographs, with rectangles of up to three values; every tenth is unedited."""
    photographs = (data.astronaut(), data.coffee(), data.chelsea())
    rng = np.random.default_rng(seed)
    for number in range(count):
        photograph, side = photographs[number % 3], sides[number % len(sides)]
        top, left = (int(rng.integers(0, size - side + 1)) for size in photograph.shape[:2])
        values = np.zeros((side, side), np.uint8)
        for value in rng.choice(np.arange(1, 8), 0 if number % 10 == 9 else number % 3 + 1, replace=False):
            row, column = rng.integers(0, side - 40, 2)
            values[row : row + 40, column : column + 40] = value
        yield Sample(f"{number:08d}", photograph[top : top + side, left : left + side], values)


def png(pixels: np.ndarray, **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", compress_level=1, **options)
    return out.getvalue()


def write_archive(path: Path, made: Iterator[Sample] | list[Sample], folder: str = "train") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for sample in made:
            archive.writestr(f"{folder}/{sample.name}.image.png", png(sample.image))
            archive.writestr(f"{folder}/{sample.name}.mask.png", png(sample.values))
    return path
