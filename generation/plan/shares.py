"""Uneven shares of turns, generators and edit types, for a round that compensates for discarded images."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

TURN_RATIO = (1, 4, 5)
"""Images with one, two and three turns (paper, 3.1, balance 5)."""


@dataclass(frozen=True)
class Weights:
    """The shares of a plan. Only ratios count; values are at least 0, and each tuple has one above 0.

    Attributes:
        turns: shares of images with one, two and three turns.
        generators: for each turn the shares of the plan's generators, in the plan's order.
        edit_types: shares of `diffseg30k.EDIT_TYPES`, in that order.
    """

    turns: tuple[float, ...]
    generators: tuple[tuple[float, ...], ...]
    edit_types: tuple[float, ...]


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Integers that sum to `total` in the ratio of the weights, by the largest remainder method (Hamilton)."""
    exact = [total * weight / sum(weights) for weight in weights]
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda place: (counts[place] - exact[place], place))
    for place in by_remainder[: total - sum(counts)]:
        counts[place] += 1
    return counts


def distribute_generators(
    turns: Sequence[int], weights: Sequence[Sequence[float]], rng: random.Random
) -> list[list[int]]:
    """Assigns a generator to each turn of each image, in the ratio of the weights.

    The generators of an image differ; the ratio at each turn is kept as far as that allows.

    Args:
        turns: number of turns of each image, at most the number of generators.
        weights: for each turn the generators' weights.
        rng: draws which images get which generator.

    Returns:
        Generator numbers, by image and turn.
    """
    assigned: list[list[int]] = [[] for _ in turns]
    for turn in range(max(turns, default=0)):
        places = [place for place, length in enumerate(turns) if length > turn]
        rng.shuffle(places)
        left = apportion(len(places), weights[turn])
        for place in places:
            free = [number for number in range(len(left)) if number not in assigned[place]]
            number = max(free, key=lambda number: (left[number], rng.random()))
            left[number] -= 1
            assigned[place].append(number)
    return assigned
