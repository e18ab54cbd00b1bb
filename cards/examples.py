"""Chooses example rows of a dataset and draws the figure of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from builder.dataset.directory import DatasetDirectory, Shard
from builder.encoding.images import decode_image, decode_mask
from cards.figures import INK, LONGEST_NAME, to_png
from cards.markup import plain
from diffseg30k import CLASS_NAMES, EDIT_TYPES, EDITED_GROUPS, GENERATOR_NAMES, MAX_TURNS, PALETTE, SIDES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

EXAMPLES = 6
CANDIDATES = 2000
"""Number of rows to choose from; more take longer without better examples."""

CELL, DPI = 1.9, 150
"""Width of an image in inches, and dots per inch."""

LONGEST_LINE = 28
"""Characters of a line under a mask."""

HEADER = 0.15
"""Space in inches above the images, for the column titles."""

_WIDEST = 384
"""Width in pixels to which images are reduced; above the drawn resolution."""

_LIGHT = ["id", "generators", "base.id", "edits.list.element.mask_area"]
_COVERED = (0.05, 0.6)
"""Range of the share of the image that the masks of a good example cover together."""


@dataclass(frozen=True)
class ExampleEdit:
    """One turn of an example.

    Attributes:
        generator: its short id.
        text: edit type and object, such as `removal: cat`.
        mask: (H, W) bool.
    """

    generator: str
    text: str
    mask: np.ndarray


@dataclass(frozen=True)
class Example:
    """One row to show.

    Attributes:
        image: (H, W, 3) uint8, the edited image.
        original: (H, W, 3) uint8, the base image; None if it was not kept.
        edits: in order of turn.
    """

    image: np.ndarray
    original: np.ndarray | None
    edits: tuple[ExampleEdit, ...]


@dataclass(frozen=True)
class _Candidate:
    shard: Shard
    row_group: int
    row: int
    id: str
    base_id: str
    generators: tuple[int, ...]
    covered: float


def choose(dataset: DatasetDirectory, count: int = EXAMPLES) -> list[Example]:
    """Chooses varied rows: with many turns, of different photographs and generators.

    The choice depends on the dataset alone. Only the images of the chosen rows are read.
    """
    shards = [shard for shard in dataset.shards() if shard.group in EDITED_GROUPS]
    shards.sort(key=lambda shard: (SIDES.index(shard.side), EDITED_GROUPS.index(shard.group), shard.path))
    candidates: list[_Candidate] = []
    for shard in shards:
        if len(candidates) < CANDIDATES:
            candidates += _candidates(dataset, shard)
    return [_read(dataset, candidate) for candidate in _varied(candidates, count)]


def _candidates(dataset: DatasetDirectory, shard: Shard) -> list[_Candidate]:
    found = []
    with dataset.open(shard) as parquet:
        for group in range(parquet.num_row_groups):
            rows = parquet.read_row_group(group, columns=_LIGHT).to_pylist()
            for index, row in enumerate(rows):
                made = tuple(row["generators"] or ())
                covered = sum(edit["mask_area"] or 0.0 for edit in row["edits"] or ())
                base_id = row["base"]["id"] or row["id"]
                found.append(_Candidate(shard, group, index, row["id"], base_id, made, covered))
    return found


def _varied(candidates: list[_Candidate], count: int) -> list[_Candidate]:
    """Greedy selection: repeatedly takes the row that adds most variety to the chosen ones."""
    left = sorted(candidates, key=lambda candidate: candidate.id)
    taken: list[_Candidate] = []
    while left and len(taken) < count:
        bases = {candidate.base_id for candidate in taken}
        seen = [generator for candidate in taken for generator in candidate.generators]
        best = max(left, key=lambda candidate: _worth(candidate, bases, seen))
        taken.append(best)
        left.remove(best)
    return taken


def _worth(candidate: _Candidate, bases: set[str], seen: list[int]) -> tuple[bool, int, bool, int]:
    repeats = sum(seen.count(generator) for generator in candidate.generators)
    visible = _COVERED[0] <= candidate.covered <= _COVERED[1]
    return candidate.base_id not in bases, len(candidate.generators), visible, -repeats


def _read(dataset: DatasetDirectory, candidate: _Candidate) -> Example:
    with dataset.open(candidate.shard) as parquet:
        wanted = [name for name in ("image", "original", "edits") if name in parquet.schema_arrow.names]
        table = parquet.read_row_group(candidate.row_group, columns=wanted)
    row = table.slice(candidate.row, 1).to_pylist()[0]
    original = row.get("original")
    return Example(
        image=_smaller(decode_image(row["image"]["bytes"])),
        original=None if original is None else _smaller(decode_image(original["bytes"])),
        edits=tuple(_edit(edit) for edit in (row["edits"] or [])[:MAX_TURNS] if edit["mask"]),
    )


def _edit(edit: dict) -> ExampleEdit:
    kind = EDIT_TYPES[edit["edit_type"]].replace("_", " ") if edit["edit_type"] is not None else "edit"
    thing = f": {plain(edit['object'], LONGEST_NAME)}" if edit["object"] else ""
    mask = _smaller(decode_mask(edit["mask"]["bytes"])) > 0
    return ExampleEdit(CLASS_NAMES[edit["generator"]], f"{kind}{thing}", mask)


def _smaller(pixels: np.ndarray) -> np.ndarray:
    from PIL import Image

    height, width = pixels.shape[:2]
    if max(height, width) <= _WIDEST:
        return pixels
    scale = _WIDEST / max(height, width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    how = Image.Resampling.LANCZOS if pixels.ndim == 3 else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(pixels).resize(size, how))


def contents(examples: list[Example]) -> Iterator[bytes]:
    """Everything that a figure of examples depends on."""
    for example in examples:
        for pixels in (example.image, example.original, *(edit.mask for edit in example.edits)):
            yield b"" if pixels is None else repr(pixels.shape).encode() + pixels.tobytes()
        yield repr([(edit.generator, edit.text) for edit in example.edits]).encode()


# ── The figure ────────────────────────────────────────────────────────────────────────────────────


def draw_examples(examples: list[Example]) -> bytes:
    """Draws one row per example: base image with the regions outlined in red, result, and the mask of each turn.

    Without a base image: the result, the result with the regions outlined in red, and the masks.

    Args:
        examples: at least one.

    Returns:
        A PNG.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    titles = ("Base image", "Result") if examples[0].original is not None else ("Result", "Edited regions")
    columns = (*titles, *(f"Turn {turn}" for turn in range(1, MAX_TURNS + 1)))
    with rc_context({"font.family": "DejaVu Sans", "font.size": 8.5, "text.color": INK, "text.parse_math": False}):
        width, height = CELL * len(columns), (CELL + 0.4) * len(examples) + HEADER
        # the layout reserves no space for titles of frameless axes
        layout = ConstrainedLayoutEngine(w_pad=0.03, h_pad=0.03, rect=(0, 0, 1, 1 - HEADER / height))
        figure = Figure(figsize=(width, height), layout=layout, facecolor="white")
        cells = figure.subplots(len(examples), len(columns), squeeze=False)
        for axes, title in zip(cells[0], columns, strict=True):
            axes.set_title(title, fontsize=10, fontweight="bold")
        for line, example in zip(cells, examples, strict=True):
            _draw_row(line, example)
        return to_png(figure, DPI)


def _draw_row(line: np.ndarray, example: Example) -> None:
    for axes in line:
        axes.set_axis_off()
    first, second = (example.original, example.image) if example.original is not None else (example.image,) * 2
    line[0].imshow(first)
    line[1].imshow(second)
    contoured = line[0] if example.original is not None else line[1]
    for edit in example.edits:
        # padded with zeros, so that a region at the border gets a closed outline
        framed = np.pad(edit.mask, 1).astype(float)
        height, width = framed.shape
        contoured.contour(
            np.arange(width) - 1, np.arange(height) - 1, framed, levels=[0.5], colors=["red"], linewidths=1.1
        )
    for axes in line[:2]:
        axes.set_xlim(-0.5, first.shape[1] - 0.5)
        axes.set_ylim(first.shape[0] - 0.5, -0.5)
    for axes, edit in zip(line[2:], example.edits, strict=False):
        _draw_mask(axes, edit)


def _draw_mask(axes: "Axes", edit: ExampleEdit) -> None:
    picture = np.full((*edit.mask.shape, 3), 232, np.uint8)
    picture[edit.mask] = PALETTE[CLASS_NAMES.index(edit.generator)]
    axes.imshow(picture, interpolation="nearest")
    line = edit.text if len(edit.text) <= LONGEST_LINE else edit.text.replace(": ", ":\n", 1)
    text = f"{GENERATOR_NAMES[edit.generator]}\n{line}"
    axes.text(0.5, -0.02, text, ha="center", va="top", transform=axes.transAxes)
