"""Types, generators and turns are even and independent of each other."""

import itertools
import math
import random
from collections import Counter
from collections.abc import Hashable, Iterable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diffseg30k import EDIT_TYPES
from generation.plan.balance import latin_rectangles, share_edit_types, share_generators
from generation.plan.selection import turn_targets
from generation.plan.shares import distribute_generators

GENERATORS = 8
Edit = tuple[str, int, int]


@cache
def assigned(images: int, seed: int) -> tuple[list[list[int]], list[list[str]]]:
    """Generators and edit types of as many images, with one, two and three turns as 1:4:5."""
    one, two, three = turn_targets(images, 3)
    rng = random.Random(seed)
    generators = share_generators([3] * three + [2] * two + [1] * one, GENERATORS, rng)
    return generators, share_edit_types(generators, rng)


def edits(generators: list[list[int]], types: list[list[str]]) -> list[Edit]:
    """Type, generator and turn of every edit."""
    return [
        (kind, generator, turn)
        for numbers, kinds in zip(generators, types, strict=True)
        for turn, (generator, kind) in enumerate(zip(numbers, kinds, strict=True))
    ]


def spread(found: Iterable[Hashable], possible: Iterable[Hashable]) -> int:
    counts = Counter(found)
    numbers = [counts[each] for each in possible]
    return max(numbers) - min(numbers)


def information(pairs: Iterable[tuple[Hashable, Hashable]]) -> float:
    """Mutual information of the two sides, in bits."""
    joint = Counter(pairs)
    total = joint.total()
    left, right = Counter(), Counter()
    for (one, other), count in joint.items():
        left[one] += count
        right[other] += count
    return sum(
        count / total * math.log2(count * total / (left[one] * right[other]))
        for (one, other), count in joint.items()
    )


def deviation(found: Iterable[tuple], possible: Iterable[tuple]) -> float:
    """How far a count lies from the even share at most, relative to it."""
    counts, keys = Counter(found), list(possible)
    even = counts.total() / len(keys)
    assert set(counts) <= set(keys)
    return max(abs(counts[key] / even - 1) for key in keys)


def following(rows: list[list], turns: tuple[int, ...], lengths: tuple[int, ...]) -> list[tuple]:
    """What images of some lengths have at some turns."""
    return [tuple(row[turn] for turn in turns) for row in rows if len(row) in lengths]


# ── Margins ───────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=150)
@given(st.lists(st.integers(1, 3), max_size=300), st.integers(3, 8), st.integers(0, 2**31))
def test_margins_are_within_one_whatever_the_lengths(lengths, generators, seed):
    rng = random.Random(seed)
    shared = share_generators(sorted(lengths, reverse=True), generators, rng)
    found = edits(shared, share_edit_types(shared, rng))
    assert all(len(set(row)) == len(row) for row in shared)
    assert spread((kind for kind, _, _ in found), EDIT_TYPES) <= 1
    for turn in range(3):
        at_turn = [(kind, generator) for kind, generator, at in found if at == turn]
        assert spread((generator for _, generator in at_turn), range(generators)) <= 1
        assert spread((kind for kind, _ in at_turn), EDIT_TYPES) <= 1
        for number in range(generators):
            assert spread((kind for kind, by in at_turn if by == number), EDIT_TYPES) <= 1
    for number in range(generators):
        assert spread((kind for kind, by, _ in found if by == number), EDIT_TYPES) <= 1


@given(
    st.lists(st.integers(1, 3), min_size=1, max_size=200),
    st.lists(st.floats(0, 4), min_size=3, max_size=3).filter(lambda row: sum(row) > 0.1),
    st.integers(0, 2**31),
)
def test_weighted_types_are_within_two_of_their_share_at_every_turn(lengths, weights, seed):
    rng = random.Random(seed)
    shared = distribute_generators(lengths, [[1.0] * 5] * 3, rng)
    found = edits(shared, share_edit_types(shared, rng, weights))
    for turn in range(3):
        counts = Counter(kind for kind, _, at in found if at == turn)
        for kind, weight in zip(EDIT_TYPES, weights, strict=True):
            assert abs(counts[kind] - counts.total() * weight / sum(weights)) < 2


@pytest.mark.parametrize("images", [1, 2, 3, 5])
def test_few_images_of_a_plan_differ_with_the_seed(images):
    plans = {str(share_edit_types([[0, 1, 2]] * images, random.Random(seed))) for seed in range(40)}
    assert len(plans) > 5


# ── Independence ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", [0, 1])
def test_types_that_follow_each_other_are_as_frequent_as_if_independent(seed):
    _, types = assigned(30_000, seed)
    pairs = list(itertools.product(EDIT_TYPES, repeat=2))
    for turns, lengths in (((0, 1), (2, 3)), ((0, 1), (2,)), ((0, 1), (3,)), ((1, 2), (3,)), ((0, 2), (3,))):
        assert deviation(following(types, turns, lengths), pairs) < 0.01
    assert deviation(following(types, (0, 1, 2), (3,)), itertools.product(EDIT_TYPES, repeat=3)) < 0.01


@pytest.mark.parametrize("seed", [0, 1])
def test_generators_that_follow_each_other_are_so_too_but_for_repetition(seed):
    generators, _ = assigned(30_000, seed)
    for turns, lengths in (((0, 1), (2, 3)), ((1, 2), (3,)), ((0, 2), (3,)), ((0, 1, 2), (3,))):
        possible = itertools.permutations(range(GENERATORS), len(turns))
        assert deviation(following(generators, turns, lengths), possible) < 0.05


@pytest.mark.parametrize("seed", [0, 1])
def test_type_generator_and_turn_say_nothing_of_each_other(seed):
    generators, types = assigned(30_000, seed)
    found = edits(generators, types)
    assert information((kind, (generator, turn)) for kind, generator, turn in found) < 1e-4
    assert information((generator, turn) for _, generator, turn in found) < 1e-4
    before = [
        (kinds[turn], numbers[turn - 1])
        for numbers, kinds in zip(generators, types, strict=True)
        for turn in range(1, len(kinds))
    ]
    assert information(before) < 1e-3


@given(st.integers(1, 3), st.integers(3, 8), st.integers(0, 1000))
def test_latin_rectangles_repeat_nothing_and_hold_every_sequence_once(rows, columns, seed):
    found = latin_rectangles(rows, columns, random.Random(seed))
    assert all(sorted(row) == list(range(columns)) for rectangle in found for row in rectangle)
    sequences = [column for rectangle in found for column in zip(*rectangle, strict=True)]
    assert sorted(sequences) == list(itertools.permutations(range(columns), rows))
