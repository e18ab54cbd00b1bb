"""The shares of a plan, and other ones than even: for a round that makes up for what the rounds before it lost."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

TURN_RATIO = (1, 4, 5)
"""Images with one, two and three turns (paper, 3.1, balance 5)."""


@dataclass(frozen=True)
class Weights:
    """The shares of a plan. Only their ratios count; none is negative, and not all of a row are 0.

    Attributes:
        turns: of images with one, two and three turns.
        generators: for each turn, of the plan's generators in their order.
        edit_types: of `diffseg30k.EDIT_TYPES`, in their order.
    """

    turns: tuple[float, ...]
    generators: tuple[tuple[float, ...], ...]
    edit_types: tuple[float, ...]


def apportion(total: int, weights: Sequence[float]) -> list[int]:
    """Whole numbers that sum to `total` in the ratio of the weights, by the largest remainders (Hamilton)."""
    exact = [total * weight / sum(weights) for weight in weights]
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda place: (counts[place] - exact[place], place))
    for place in by_remainder[: total - sum(counts)]:
        counts[place] += 1
    return counts


def deal_generators(
    turns: Sequence[int], weights: Sequence[Sequence[float]], rng: random.Random
) -> list[list[int]]:
    """The generator of each turn of each image.

    They differ within an image; at each turn they are in the ratio of its weights as far as that allows.

    Args:
        turns: of each image, at most as many as there are generators.
        weights: for each turn, of the generators.
        rng: draws who gets what.

    Returns:
        Numbers of generators.
    """
    dealt: list[list[int]] = [[] for _ in turns]
    for turn in range(max(turns, default=0)):
        places = [place for place, length in enumerate(turns) if length > turn]
        rng.shuffle(places)
        left = apportion(len(places), weights[turn])
        for place in places:
            free = [number for number in range(len(left)) if number not in dealt[place]]
            number = max(free, key=lambda number: (left[number], rng.random()))
            left[number] -= 1
            dealt[place].append(number)
    return dealt
