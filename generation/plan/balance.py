"""Distributes turns, generators and edit types evenly over the images of a plan.

Images are sorted by number of turns, most first, so the images that have a given turn are a prefix of the order.
They are taken in blocks of as many images as there are generators. Within a block each generator makes each turn
once and no image twice: the generators are the entries of a Latin rectangle. So at every turn the generators'
counts differ by at most one, whatever the number of images. The rectangles come in sets in which every sequence of
generators occurs once.

Edit types follow. First the number of edits of each type is fixed for each generator and turn. Then, turn by turn,
the types are assigned to images so that images with the same types at earlier turns get all types equally often.
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
    """Number of turns of each image: in the given ratio, as far as the numbers of regions allow.

    If too few images have enough regions, images with more regions get more turns than the ratio has, or all get
    fewer; the ratio between the higher numbers of turns is kept as far as possible.

    Args:
        capacities: number of regions of each image, at least one; earlier images get more turns.
        max_turns: largest number of turns of an image, 1 to 3.
        ratio: ratio of images with one, two and three turns.
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
    """Numbers of images with one, two, ... turns."""
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
    """Assigns a generator to each turn of each image.

    Args:
        turns: number of turns of each image, in descending order, at most `generators`.
        generators: number of generators.
        rng: draws the rectangles.

    Returns:
        Generator numbers, 0 to `generators` - 1, different within an image. At each turn the generators' counts
        differ by at most one.
    """
    if list(turns) != sorted(turns, reverse=True):
        raise ValueError("sort the images by number of turns, most first")
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
    """Latin rectangles: `rows` permutations of `columns` numbers without repeats in a column, in random order.

    The rows of a rectangle are one permutation, shifted cyclically by different lengths. There is one rectangle
    for every choice of lengths, so every sequence of different numbers is a column of exactly one rectangle.

    Args:
        rows: 1 to `columns`.
        columns: number of columns.
        rng: draws the permutation and the order of the rectangles.
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
    """Assigns an edit type to each turn of each image.

    With equal weights the types' counts differ by at most one: over all edits, per turn, per generator, and per
    generator and turn. Images with the same number of turns and the same earlier types get all types equally often
    but for a few images, so the types of successive turns are independent.

    Args:
        shared: the generators, as `share_generators` returns them.
        rng: draws which images get which type.
        weights: ratio of the edit types, in the order of `EDIT_TYPES`; equal if left out.
    """
    if not shared:
        return []
    order = rng.sample(range(len(EDIT_TYPES)), len(EDIT_TYPES))
    shares = [Fraction(weights[number] if weights else 1) for number in order]
    assigned: list[list[int]] = [[] for _ in shared]
    for turn, counts in enumerate(_counts_of_types(shared, shares, rng)):
        _distribute_types(assigned, shared, turn, counts, rng)
    return [[EDIT_TYPES[order[part]] for part in parts] for parts in assigned]


def _counts_of_types(
    shared: Sequence[Sequence[int]], shares: Sequence[Fraction], rng: random.Random
) -> list[list[list[int]]]:
    """Numbers of edits by turn, generator and edit type."""
    turns = max(map(len, shared))
    generators = 1 + max(number for row in shared for number in row)
    table = [[0] * generators for _ in range(turns)]
    for row in shared:
        for turn, number in enumerate(row):
            table[turn][number] += 1
    parts = split_table(table, [shares] * generators, rng)
    return [[[part[turn][number] for part in parts] for number in range(generators)] for turn in range(turns)]


def _distribute_types(
    assigned: list[list[int]],
    shared: Sequence[Sequence[int]],
    turn: int,
    counts: Sequence[Sequence[int]],
    rng: random.Random,
) -> None:
    """Assigns the edit types of a turn: exactly `counts` per generator, and evenly over equal earlier types.

    Args:
        assigned: types of the earlier turns by image; this turn's are appended.
        shared: the generators by image and turn.
        turn: from 0.
        counts: edits of this turn by generator and type.
        rng: draws which of several equal images get which type.
    """
    cells: dict[tuple[int, ...], list[list[int]]] = {}
    for image, row in enumerate(shared):
        if len(row) > turn:
            history = (len(row), *assigned[image])
            cells.setdefault(history, [[] for _ in counts])[row[turn]].append(image)
    table = [[len(images) for images in row] for row in cells.values()]
    parts = split_table(table, [[Fraction(count) for count in of_types] for of_types in counts], rng)
    for place, by_generator in enumerate(cells.values()):
        for number, images in enumerate(by_generator):
            rng.shuffle(images)
            types = [kind for kind, part in enumerate(parts) for _ in range(part[place][number])]
            for image, kind in zip(images, types, strict=True):
                assigned[image].append(kind)
