"""Reads a label file that maps the pixel values of imported masks to generators."""

import csv
import io
import json
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from diffseg30k import BACKGROUND, CLASS_NAMES, GENERATORS, label_value

Value = int | str
"""A grey level or palette index, or a colour as `#rrggbb`."""


@dataclass
class ValueCounts:
    """The values seen in masks.

    Attributes:
        pixels: value to pixels.
        masks: value to masks that hold it.
    """

    pixels: Counter[Value] = field(default_factory=Counter)
    masks: Counter[Value] = field(default_factory=Counter)

    def add(self, values: np.ndarray) -> None:
        """Counts a mask as `read_values` gives it."""
        for key, count in _counts(values).items():
            self.pixels[name(key)] += count
            self.masks[name(key)] += 1

    def lines(self) -> list[str]:
        """A table to look at, the most frequent value first."""
        head = f"{'value':>10} {'masks':>10} {'pixels':>16}"
        return [head] + [
            f"{value!s:>10} {self.masks[value]:>10,} {count:>16,}" for value, count in self.pixels.most_common()
        ]


_COLOUR = 1 << 24
"""Set in the number of a colour, so that the colour 0x000001 is not the grey level 1."""


def name(number: int) -> Value:
    """The value that stands for a number of `read_values`."""
    number = int(number)
    return f"#{number - _COLOUR:06x}" if number >= _COLOUR else number


def read_values(data: bytes) -> np.ndarray:
    """The values of a mask, whatever kind of PNG it is.

    A grey, palette or one-bit mask gives its levels, indices or 0 and 1. A colour mask whose channels are equal
    is grey; the pixels of one whose channels are not give colours, but for black, which is 0.

    Returns:
        (H, W) int64, to be named by `name`.

    Raises:
        OSError: it is not a picture.
        ValueError: it has a mode that no mask has, such as CMYK.
    """
    with Image.open(io.BytesIO(data)) as picture:
        if picture.mode in ("L", "P", "1", "I", "I;16"):
            return np.asarray(picture).astype(np.int64)
        if picture.mode not in ("RGB", "RGBA", "LA"):
            raise ValueError(f"a mask of mode {picture.mode}")
        channels = np.asarray(picture.convert("RGB")).astype(np.int64)
    red, green, blue = channels[..., 0], channels[..., 1], channels[..., 2]
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return red
    colours = (red << 16) + (green << 8) + blue
    return np.where(colours, colours + _COLOUR, 0)


@dataclass(frozen=True)
class MaskLabels:
    """What each value means.

    Attributes:
        classes: value to class id, 0 to 8. A value 0 that is not listed is background.
    """

    classes: dict[Value, int]

    def to_classes(self, values: np.ndarray) -> np.ndarray:
        """The (H, W) uint8 class ids of a mask as `read_values` gives it.

        Raises:
            ValueError: it holds values that have no meaning; it names them.
        """
        found = list(_counts(values))
        names = [name(number) for number in found]
        meaning = {0: BACKGROUND} | self.classes
        if unknown := [str(value) for value in names if value not in meaning]:
            raise ValueError(f"mask value {', '.join(unknown[:5])} has no label")
        table = np.array([meaning[value] for value in names], dtype=np.uint8)
        return table[np.searchsorted(np.array(found), values)]


def _counts(values: np.ndarray) -> dict[int, int]:
    """The distinct values in ascending order, and how often each comes."""
    if values.max() < 1 << 16:  # several times as fast as sorting a million pixels
        counts = np.bincount(values.ravel())
        found = np.flatnonzero(counts)
        return dict(zip(found.tolist(), counts[found].tolist(), strict=True))
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))


def read_labels(path: str | Path) -> MaskLabels:
    """Reads what each value means from a file: JSON or TOML of value to generator, or CSV of the two.

        {"0": "background", "1": "sd2", "#ff0000": "kolors"}

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or names a generator that there is none of.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no labels file {path}")
    try:
        pairs = _pairs(path.suffix.lower(), path.read_text(encoding="utf-8-sig"))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path} is not a labels file: {error}") from error
    return MaskLabels({_value(path, key): _class(path, key, generator) for key, generator in pairs})


def _pairs(suffix: str, text: str) -> list[tuple[str, object]]:
    if suffix == ".csv":
        rows = [row for row in csv.reader(io.StringIO(text)) if row]
        if any(len(row) != 2 for row in rows):
            raise ValueError("each line takes a value and a generator")
        return [(key.strip(), label.strip()) for key, label in rows if key.strip().lower() != "value"]
    loaded = tomllib.loads(text) if suffix == ".toml" else json.loads(text)
    if not isinstance(loaded, dict):
        raise ValueError("it takes a mapping of value to generator")
    return list(loaded.items())


def _value(path: Path, key: str) -> Value:
    if key.startswith("#") and len(key) == 7:
        return key.lower()
    try:
        return int(key)
    except ValueError:
        raise ValueError(f"{path}: {key!r} is neither a number nor a colour such as #ff0000") from None


def _class(path: Path, key: str, generator: object) -> int:
    if generator == CLASS_NAMES[BACKGROUND]:
        return BACKGROUND
    if generator not in GENERATORS:
        raise ValueError(f"{path}: {key} stands for {generator!r}; the generators are {', '.join(GENERATORS)}")
    return label_value(str(generator))
