"""Writes the quality report of a scored run: accepted and discarded images by cause, and figures of the extremes.

OUT/report.json   the numbers
OUT/report.md     the numbers as tables, with the figures
OUT/best.png      the images with the highest scores, with the VLM's sentences
OUT/worst.png     the images with the lowest scores, as in the paper's Figure 8

Where no VLM judged the images there is no best: the figures are `seams-least.png` and `seams-most.png`.
"""

import contextlib
import dataclasses
import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from builder.run.directory import RunDirectory
from builder.run.scores import read_score
from diffseg30k import EDIT_TYPES, GENERATORS
from generation.quality.figures import draw
from generation.quality.finished_images import FinishedImage, Scored, finished_bases, read_finished

SHOWN = 4
"""Number of images in each figure."""


@dataclass(frozen=True)
class Tally:
    """Numbers of accepted and of discarded images."""

    accepted: int
    discarded: int


@dataclass(frozen=True)
class RunQuality:
    """Counts of the edited images of a run by result of the quality filter.

    Attributes:
        images: all scored images.
        by_generator: scored images by generator; an image counts for each generator that edited it.
        by_turns: scored images by number of turns.
        by_edit_type: scored images by edit type; an image counts for each of its types.
        discarded_for: number of discarded images by cause.
        judges: number of images by judging VLM; without one, `measured facts alone`.
        unscored: number of finished images without a score.
        unfinished: number of images with an unfinished edit.
    """

    images: Tally
    by_generator: dict[str, Tally]
    by_turns: dict[str, Tally]
    by_edit_type: dict[str, Tally]
    discarded_for: dict[str, int]
    judges: dict[str, int]
    unscored: int
    unfinished: int


def write_report(run_url: str, out: str) -> list[str]:
    """Writes the report of a run.

    Args:
        run_url: a run directory whose images are scored.
        out: a folder, made if it is missing.

    Returns:
        The files.

    Raises:
        FileNotFoundError: the run directory holds no plan.
        ValueError: nothing of it is scored, or a record or a score cannot be read.
    """
    run = RunDirectory(run_url)
    bases, unfinished = finished_bases(run)
    scored = [_scored(run, read_finished(run, base)) for base in bases]
    found = [one for one in scored if one is not None]
    if not found:
        raise ValueError(f"{run_url}: no image is scored: `diffseg30k score {run_url}` does it")
    quality = count(found, len(scored) - len(found), len(unfinished))
    extremes = _extremes(found)
    files = {
        "report.json": json.dumps(dataclasses.asdict(quality), indent=1, ensure_ascii=False).encode(),
        **{each.file: draw(run, each.images, each.title) for each in extremes},
        "report.md": _markdown(quality, extremes).encode(),
    }
    os.makedirs(out, exist_ok=True)
    for name in _FIGURES - files.keys():  # of an earlier report, before or after a VLM judged
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(out, name))
    for name, content in files.items():
        with open(os.path.join(out, name), "wb") as file:
            file.write(content)
    return [os.path.join(out, name) for name in files]


def _scored(run: RunDirectory, image: FinishedImage) -> Scored | None:
    try:
        return Scored(image, read_score(run, image.name))
    except FileNotFoundError:
        return None


def count(images: Sequence[Scored], unscored: int = 0, unfinished: int = 0) -> RunQuality:
    """Counts scored images by generator, turns, edit type and cause."""
    verdicts = Counter(one.score.accepted for one in images)
    return RunQuality(
        images=Tally(verdicts[True], verdicts[False]),
        by_generator=_tallies(images, lambda one: {record.generator for record in one.image.records}, GENERATORS),
        by_turns=_tallies(images, lambda one: {str(len(one.image.records))}, ("1", "2", "3")),
        by_edit_type=_tallies(images, lambda one: {record.edit_type for record in one.image.records}, EDIT_TYPES),
        discarded_for=dict(Counter(one.score.rejected_for or "" for one in images if not one.score.accepted)),
        judges=dict(Counter(one.score.vlm or "measured facts alone" for one in images)),
        unscored=unscored,
        unfinished=unfinished,
    )


def _tallies(
    images: Iterable[Scored], keys: Callable[[Scored], set[str]], order: Sequence[str]
) -> dict[str, Tally]:
    counts: defaultdict[str, Counter[bool]] = defaultdict(Counter)
    for one in images:
        for key in keys(one):
            counts[key][one.score.accepted] += 1
    return {key: Tally(counts[key][True], counts[key][False]) for key in order if key in counts}


@dataclass(frozen=True)
class Extreme:
    """The images at one end of a ranking.

    Attributes:
        file: name of their figure.
        title: what they are ranked by, and which end this is.
        images: the furthest first.
    """

    file: str
    title: str
    images: tuple[Scored, ...]


_FIGURES = {"best.png", "worst.png", "seams-least.png", "seams-most.png"}


def _extremes(images: Sequence[Scored]) -> tuple[Extreme, Extreme]:
    """Both ends by score, of the images that have one; where none has, by the largest seam of an image's edits."""
    scored = [one for one in images if one.score.score is not None]
    if scored:
        ordered = sorted(scored, key=lambda one: (-(one.score.score or 0.0), _seam(one), one.image.name))
        names = ("best.png", "Highest scores"), ("worst.png", "Lowest scores")
    else:
        ordered = sorted(images, key=lambda one: (_seam(one), one.image.name))
        names = (
            ("seams-least.png", "Least visible borders: smallest seam"),
            ("seams-most.png", "Most visible borders: largest seam"),
        )
    ends = ordered[:SHOWN], ordered[::-1][:SHOWN]
    first, last = (Extreme(*name, tuple(end)) for name, end in zip(names, ends, strict=True))
    return first, last


def _seam(one: Scored) -> float:
    return max((edit.seam for edit in one.score.edits if edit.seam is not None), default=0.0)


def _markdown(quality: RunQuality, extremes: Sequence[Extreme]) -> str:
    parts = [
        "# Accepted and discarded images",
        f"{quality.images.accepted} accepted, {quality.images.discarded} discarded; {quality.unscored} finished "
        f"but not scored, {quality.unfinished} unfinished. Judged by: "
        + ", ".join(f"{name} ({number})" for name, number in quality.judges.items())
        + ".",
        _table("Generator", quality.by_generator),
        _table("Turns", quality.by_turns),
        _table("Edit type", quality.by_edit_type),
        "An image counts once for each generator and edit type that it holds.",
    ]
    if quality.discarded_for:
        rows = [f"| {ground} | {number} |" for ground, number in sorted(quality.discarded_for.items())]
        parts.append("\n".join(["| Discarded for | Images |", "| --- | ---: |", *rows]))
    for each in extremes:
        names = ", ".join(f"`{one.image.name}`" for one in each.images)
        parts += [f"## {each.title}", f"![{each.title}: {names}]({each.file})"]
    return "\n\n".join(parts) + "\n"


def _table(heading: str, tallies: dict[str, Tally]) -> str:
    rows = [
        f"| {key} | {one.accepted} | {one.discarded} | {one.accepted / (one.accepted + one.discarded):.0%} |"
        for key, one in tallies.items()
    ]
    return "\n".join([f"| {heading} | Accepted | Discarded | Share |", "| --- | ---: | ---: | ---: |", *rows])
