"""Shares turns, generators and edit types out evenly.

Images are put in order with the longest first, so the images of every turn are the first so many. They are then
taken in blocks of as many images as there are generators. Within a block each generator serves each turn once,
and no image twice: the rows of a Latin rectangle. So at every turn the generators' counts differ by at most one,
whatever the number of images. The rectangles come in sets in which every sequence of generators occurs once.

Edit types are dealt after that. First it is fixed how many edits of each type every generator makes at every turn,
then, turn by turn, which images these are: equally many of those that had the same types before.
"""

import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations

from diffseg30k import EDIT_TYPES
from generation.plan.rounding import split_table
from generation.plan.selection import turn_targets
from generation.plan.shares import TURN_RATIO


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
    rectangles: list[list[list[int]]] = []
    for start in range(0, len(turns), generators):
        block = turns[start : start + generators]
        if not rectangles or len(rectangles[-1]) != block[0]:
            rectangles = latin_rectangles(block[0], generators, rng)
        columns = list(zip(*rectangles.pop(), strict=True))
        shared += [
            list(column[:length]) for column, length in zip(rng.sample(columns, len(block)), block, strict=True)
        ]
    return shared


def latin_rectangles(rows: int, columns: int, rng: random.Random) -> list[list[list[int]]]:
    """Rectangles of `rows` permutations of `columns` numbers, none twice in a column, in random order.

    Every sequence of different numbers is a column of exactly one of them: a rectangle's rows are one row, shifted
    by different lengths, and every choice of lengths makes one.

    Args:
        rows: 1 to `columns`.
        columns: how many numbers there are.
        rng: draws the numbers that are shifted, and the order.
    """
    numbers = rng.sample(range(columns), columns)
    rectangles = [
        [[numbers[(place + shift) % columns] for place in range(columns)] for shift in (0, *shifts)]
        for shifts in permutations(range(1, columns), rows - 1)
    ]
    rng.shuffle(rectangles)
    return rectangles


def share_edit_types(
    shared: Sequence[Sequence[int]], rng: random.Random, weights: Sequence[float] | None = None
) -> list[list[str]]:
    """The edit type of each turn of each image.

    With equal weights counts differ by at most one in all, at each turn, for each generator, and for each
    generator at each turn. Images of each length are split by the types of their earlier turns too, so that types
    that follow each other are as frequent as if they were independent, but for a few images.

    Args:
        shared: the generators, as `share_generators` returns them.
        rng: draws who gets which type.
        weights: of the types, in their order; equal ones if left out.
    """
    if not shared:
        return []
    order = rng.sample(range(len(EDIT_TYPES)), len(EDIT_TYPES))
    shares = [Fraction(weights[number] if weights else 1) for number in order]
    dealt: list[list[int]] = [[] for _ in shared]
    for turn, counts in enumerate(_counts_of_types(shared, shares, rng)):
        _deal_turn(dealt, shared, turn, counts, rng)
    return [[EDIT_TYPES[order[part]] for part in parts] for parts in dealt]


def _counts_of_types(
    shared: Sequence[Sequence[int]], shares: Sequence[Fraction], rng: random.Random
) -> list[list[list[int]]]:
    """How many edits of each type each generator makes: by turn, generator and type."""
    turns = max(map(len, shared))
    generators = 1 + max(number for row in shared for number in row)
    table = [[0] * generators for _ in range(turns)]
    for row in shared:
        for turn, number in enumerate(row):
            table[turn][number] += 1
    parts = split_table(table, [shares] * generators, rng)
    return [[[part[turn][number] for part in parts] for number in range(generators)] for turn in range(turns)]


def _deal_turn(
    dealt: list[list[int]],
    shared: Sequence[Sequence[int]],
    turn: int,
    counts: Sequence[Sequence[int]],
    rng: random.Random,
) -> None:
    """Adds the types of a turn: exactly as many for each generator as they are to be, and evenly for each history.

    Args:
        dealt: the types of the turns before it, by image; those of this one are added.
        shared: the generators.
        turn: from 0.
        counts: edits of this turn, by generator and type.
        rng: draws which images of a cell get which type.
    """
    cells: dict[tuple[int, ...], list[list[int]]] = {}
    for image, row in enumerate(shared):
        if len(row) > turn:
            history = (len(row), *dealt[image])
            cells.setdefault(history, [[] for _ in counts])[row[turn]].append(image)
    table = [[len(images) for images in row] for row in cells.values()]
    parts = split_table(table, [[Fraction(count) for count in of_types] for of_types in counts], rng)
    for place, by_generator in enumerate(cells.values()):
        for number, images in enumerate(by_generator):
            rng.shuffle(images)
            types = [kind for kind, part in enumerate(parts) for _ in range(part[place][number])]
            for image, kind in zip(images, types, strict=True):
                dealt[image].append(kind)
