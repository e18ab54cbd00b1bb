"""Counts planned and accepted images of several rounds, and what is missing for the balance of the whole."""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from builder.run.bases import read_bases
from builder.run.directory import RunDirectory
from builder.run.planned_edit import PlannedEdit, read_plan
from builder.run.scores import read_score
from diffseg30k import EDIT_TYPES
from generation.plan.options import PlanOptions
from generation.plan.selection import max_turns, turn_targets
from generation.plan.shares import Weights

LEAST_RATE = 0.05
"""Lower bound on the rate of accepted images that a round is planned with, so that it stays of bounded size."""

PRIOR = 10.0
"""Images at the rate of all that enter the rate of one kind: few planned images give no rate of their own."""


@dataclass(frozen=True)
class PlannedImage:
    """A planned image of a round.

    Attributes:
        run: the round's run directory.
        image: its name there.
        generators: the generator of each turn.
        edit_types: the edit type of each turn.
        generated: whether its base image was generated from a caption.
        accepted: whether its edits are finished and it was accepted.
    """

    run: str
    image: str
    generators: tuple[str, ...]
    edit_types: tuple[str, ...]
    generated: bool
    accepted: bool

    @property
    def turns(self) -> int:
        return len(self.generators)


@dataclass(frozen=True)
class Tally:
    """Counts of planned or of accepted images.

    Attributes:
        images: number of images.
        turns: number of images by number of turns.
        generators: number of edits by (turn, generator).
        edit_types: number of edits by edit type.
        generated: number of images whose base image was generated from a caption.
    """

    images: int
    turns: Counter[int]
    generators: Counter[tuple[int, str]]
    edit_types: Counter[str]
    generated: int


def tally(images: Iterable[PlannedImage]) -> Tally:
    images = list(images)
    return Tally(
        images=len(images),
        turns=Counter(image.turns for image in images),
        generators=Counter(pair for image in images for pair in enumerate(image.generators, start=1)),
        edit_types=Counter(name for image in images for name in image.edit_types),
        generated=sum(image.generated for image in images),
    )


def planned_images(runs: Sequence[str]) -> list[PlannedImage]:
    """The planned images of scored runs."""
    found = []
    for url in runs:
        run = RunDirectory(url)
        edits: dict[str, list[PlannedEdit]] = {}
        for edit in read_plan(run):
            edits.setdefault(edit.image, []).append(edit)
        found += [
            PlannedImage(
                url,
                base.image,
                tuple(edit.generator for edit in edits[base.image]),
                tuple(edit.edit_type for edit in edits[base.image]),
                base.source == "generated",
                _is_accepted(run, base.image),
            )
            for base in read_bases(run)
            if base.num_edits
        ]
    return found


def _is_accepted(run: RunDirectory, image: str) -> bool:
    try:
        return read_score(run, image).accepted
    except FileNotFoundError:  # an edit of the image failed
        return False


@dataclass(frozen=True)
class Wanted:
    """The images that are wanted in the end.

    Attributes:
        turns: number of images with one, two, ... turns.
        generated: how many of them have a base image generated from a caption.
    """

    turns: tuple[int, ...]
    generated: int

    @property
    def images(self) -> int:
        return sum(self.turns)


def wanted_images(options: PlanOptions, target: int, generated_share: float) -> Wanted:
    return Wanted(tuple(turn_targets(target, max_turns(options))), round(target * generated_share))


def generated_range(accepted: Sequence[PlannedImage], wanted: Wanted) -> tuple[int, int]:
    """The least and the largest number of generated bases among `wanted.turns` of the accepted images."""
    cells = Counter((image.turns, image.generated) for image in accepted)
    least = most = 0
    for turns, number in enumerate(wanted.turns, start=1):
        least += max(0, min(number - cells[turns, False], cells[turns, True]))
        most += min(number, cells[turns, True])
    return least, most


def is_reached(accepted: Sequence[PlannedImage], wanted: Wanted) -> bool:
    """Whether the accepted images include as many of each number of turns as wanted, with the wanted bases."""
    turns = Counter(image.turns for image in accepted)
    least, most = generated_range(accepted, wanted)
    enough = all(turns[number] >= count for number, count in enumerate(wanted.turns, start=1))
    return enough and least <= wanted.generated <= most


def next_round(options: PlanOptions, images: Sequence[PlannedImage], wanted: Wanted) -> tuple[PlanOptions, float]:
    """The options of a further round that restores the balance if images are discarded at the same rates.

    Returns:
        The plan's options, and the share of generated bases, 0 to 1.
    """
    planned, accepted = tally(images), tally(image for image in images if image.accepted)
    pooled = (accepted.images + 1) / (planned.images + 2)
    missing = [max(0, count - accepted.turns[turns]) for turns, count in enumerate(wanted.turns, start=1)]
    turns = [
        _to_plan(count, _rate(accepted.turns[turns], planned.turns[turns], pooled))
        for turns, count in enumerate(missing, start=1)
    ]
    share = _generated_share([image for image in images if image.accepted], wanted, sum(missing))
    if not any(missing):
        least, most = generated_range([image for image in images if image.accepted], wanted)
        of_base = least - wanted.generated if least > wanted.generated else wanted.generated - most
        number = _to_plan(of_base, max(pooled, LEAST_RATE))
        turns = turn_targets(number, len(wanted.turns))
    weights = _weights(options, wanted, turns, planned, accepted, pooled)
    return dataclasses.replace(options, count=sum(turns), unedited=0, weights=weights), share


def _generated_share(accepted: Sequence[PlannedImage], wanted: Wanted, missing: int) -> float:
    least, most = generated_range(accepted, wanted)
    if missing:
        return min(1.0, max(0.0, wanted.generated - most) / missing)
    return 0.0 if least > wanted.generated else 1.0


def _rate(accepted: int, planned: int, pooled: float) -> float:
    """The rate at which images of one kind are accepted, drawn to that of all."""
    return max((accepted + PRIOR * pooled) / (planned + PRIOR), LEAST_RATE)


def _to_plan(missing: int, rate: float) -> int:
    """Images to plan so that about five times of six no fewer than `missing` are accepted: one deviation more."""
    return math.ceil((missing + math.sqrt(missing * (1 - rate))) / rate)


def _weights(
    options: PlanOptions, wanted: Wanted, turns: Sequence[int], planned: Tally, accepted: Tally, pooled: float
) -> Weights:
    """For each turn, generator and edit type the missing number divided by its rate of acceptance."""

    def needed(share: float, got: int, of: int) -> float:
        return max(0.0, share - got) / _rate(got, of, pooled)

    generators = []
    for turn in range(1, len(wanted.turns) + 1):
        share = sum(wanted.turns[turn - 1 :]) / len(options.generators)
        keys = [(turn, settings.generator) for settings in options.generators]
        generators.append([needed(share, accepted.generators[key], planned.generators[key]) for key in keys])
    edits = sum(length * images for length, images in enumerate(wanted.turns, start=1)) / len(EDIT_TYPES)
    types = [needed(edits, accepted.edit_types[name], planned.edit_types[name]) for name in EDIT_TYPES]
    return Weights(
        turns=_equal_if_zero([*map(float, turns), *[0.0] * (3 - len(turns))]),
        generators=tuple(map(_equal_if_zero, generators)),
        edit_types=_equal_if_zero(types),
    )


def _equal_if_zero(weights: Sequence[float]) -> tuple[float, ...]:
    """The weights, or equal ones if all are 0."""
    rounded = tuple(round(weight, 3) for weight in weights)
    return rounded if any(rounded) else (1.0,) * len(weights)
