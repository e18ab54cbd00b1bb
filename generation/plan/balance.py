"""Shares turns, generators and edit types out evenly.

Images are put in order with the longest first, so the images of every turn are the first so many. They are then
taken in blocks of as many images as there are generators. Within a block each generator serves each turn once,
and no image twice: the rows of a Latin rectangle. So at every turn the generators' counts differ by at most one,
whatever the number of images, and still each triple is drawn at random.
"""

import random
from collections.abc import Sequence
from itertools import cycle, islice

from diffseg30k import EDIT_TYPES
from generation.plan.selection import turn_targets
from generation.plan.shares import TURN_RATIO, deal_evenly


def share_turns(capacities: Sequence[int], max_turns: int, ratio: Sequence[float] = TURN_RATIO) -> list[int]:
    """How many turns each image gets: as the ratio says, as far as regions allow.

    Where too few images have regions enough, others that have get more turns, or all get fewer; the ratio between
    the longer ones is kept as far as it can be.

    Args:
        capacities: how many regions each image has, at least one; earlier images get more turns.
        max_turns: the most turns that any image gets, 1 to 3.
        ratio: of images with one, two and three turns.
    """
    counts = _turn_counts([min(capacity, max_turns) for capacity in capacities], max_turns, ratio)
    turns = [0] * len(capacities)
    open_places = list(range(len(capacities)))
    for wanted in range(max_turns, 0, -1):
        able = [place for place in open_places if capacities[place] >= wanted]
        for place in able[: counts[wanted - 1]]:
            turns[place] = wanted
        open_places = [place for place in open_places if not turns[place]]
    return turns


def _turn_counts(capacities: Sequence[int], max_turns: int, ratio: Sequence[float]) -> list[int]:
    """Images with one, two, ... turns."""
    targets = turn_targets(len(capacities), max_turns, ratio)
    counts = [max(targets[0], capacities.count(1) if max_turns > 1 else len(capacities))]
    longer = len(capacities) - counts[0]
    if max_turns > 1:
        counts.append(longer)
    if max_turns > 2:
        share = ratio[2] / (ratio[1] + ratio[2]) if ratio[1] + ratio[2] else 0
        third = min(round(longer * share), capacities.count(max_turns))
        counts[1:] = [longer - third, third]
    return counts


def share_generators(turns: Sequence[int], generators: int, rng: random.Random) -> list[list[int]]:
    """The generator of each turn of each image.

    Args:
        turns: of each image, in descending order, at most `generators`.
        generators: how many there are.
        rng: draws the rectangles.

    Returns:
        Numbers below `generators`, different ones within an image. At each turn counts differ by at most one.
    """
    if list(turns) != sorted(turns, reverse=True):
        raise ValueError("images with more turns come first")
    shared: list[list[int]] = []
    for start in range(0, len(turns), generators):
        block = turns[start : start + generators]
        rectangle = latin_rectangle(block[0], generators, rng)
        shared += [[row[place] for row in rectangle[:length]] for place, length in enumerate(block)]
    return shared


def latin_rectangle(rows: int, columns: int, rng: random.Random) -> list[list[int]]:
    """`rows` permutations of `columns` numbers, none twice in a column; `rows` is at most `columns`."""
    rectangle: list[list[int]] = []
    while len(rectangle) < rows:
        row = rng.sample(range(columns), columns)
        if all(number != other[place] for other in rectangle for place, number in enumerate(row)):
            rectangle.append(row)
    return rectangle


def share_edit_types(
    shared: Sequence[Sequence[int]], rng: random.Random, weights: Sequence[float] | None = None
) -> list[list[str]]:
    """The edit type of each turn of each image.

    They are dealt out in turn, generator by generator and turn by turn. Any stretch of such a deal holds the types
    equally often, so counts differ by at most one in all, for each generator, and for each generator at each turn.

    Args:
        shared: the generators, as `share_generators` returns them.
        rng: draws which type comes first.
        weights: of the types, in their order; equal ones if left out.
    """
    places = [(generator, turn, image) for image, row in enumerate(shared) for turn, generator in enumerate(row)]
    deal = iter(
        deal_evenly(len(places), EDIT_TYPES, weights)
        if weights
        else islice(cycle(rng.sample(EDIT_TYPES, len(EDIT_TYPES))), len(places))
    )
    types = [[""] * len(row) for row in shared]
    for _, turn, image in sorted(places):
        types[image][turn] = next(deal)
    return types
