"""Draws a figure of scored images: before, after, score and the VLM's sentence."""

import io
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from builder.encoding.images import decode_image, decode_mask
from builder.run.directory import RunDirectory, base_path, image_path, mask_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from generation.quality.finished_images import Scored

CELL, WORDS, DPI = 2.2, 3.4, 150
"""Width of a picture and of its text in inches, and dots per inch."""

HEAD = 0.6
"""Height of the title and the heads of the columns, in inches."""

HEADS = ("Base image, regions in red", "Result", "Image, score and edits")
LINE = 46
"""Characters per line of text."""


def draw(run: RunDirectory, images: Sequence["Scored"], title: str) -> bytes:
    """Draws one row per image: base image with the edited regions outlined in red, result, id, score and sentence.

    Args:
        run: the run directory with the images.
        images: at least one.
        title: what the images are ranked by.

    Returns:
        A PNG.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"font.family": "DejaVu Sans", "font.size": 8, "text.parse_math": False}):
        figure = Figure(
            figsize=(2 * CELL + WORDS, CELL * len(images) + HEAD), layout="constrained", facecolor="white", dpi=DPI
        )
        figure.suptitle(title, fontsize=11, fontweight="bold", x=0.01, ha="left")
        cells = figure.subplots(len(images), 3, squeeze=False, width_ratios=(CELL, CELL, WORDS))
        for line, one in zip(cells, images, strict=True):
            _draw_line(run, line, one)
        for axes, head in zip(cells[0], HEADS, strict=True):
            axes.set_title(head, fontsize=9, fontweight="bold", loc="left")
        out = io.BytesIO()
        figure.savefig(out, format="png", metadata={"Software": None})
        return out.getvalue()


def _draw_line(run: RunDirectory, line: Sequence["Axes"], one: "Scored") -> None:
    name, records = one.image.name, one.image.records
    for axes in line:
        axes.set_axis_off()
    line[0].imshow(decode_image(run.read(base_path(name))))
    for record in records:
        _outline(line[0], decode_mask(run.read(mask_path(name, record.turn))) > 0)
    line[1].imshow(decode_image(run.read(image_path(name, records[-1].turn))))
    line[2].text(
        0, 0.5, f"{name}\n{_words(one)}", va="center", ha="left", transform=line[2].transAxes, linespacing=1.4
    )


def _outline(axes: "Axes", mask: np.ndarray) -> None:
    if mask.any() and not mask.all():
        axes.contour(mask.astype(float), levels=[0.5], colors=["red"], linewidths=1.1)


def _words(one: "Scored") -> str:
    score = one.score
    number = "no score" if score.score is None else f"score {score.score:g}"
    verdict = "accepted" if score.accepted else f"discarded: {score.rejected_for}"
    lines = [f"{number} — {verdict}", *textwrap.wrap(score.reason or "", LINE)[:5]]
    for record, edit in zip(one.image.records, score.edits, strict=False):
        seam = "none" if edit.seam is None else f"{edit.seam:.2f}"
        kind = record.edit_type.replace("_", " ")
        lines += textwrap.wrap(f"{record.turn}: {record.generator}, {kind}: {record.object}; seam {seam}", LINE)
    return "\n".join(lines)
