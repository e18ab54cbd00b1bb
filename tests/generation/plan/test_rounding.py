"""Random rounding of tables to integers keeps their sums."""

import random
from fractions import Fraction
from math import ceil, floor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from generation.plan.rounding import round_table, split_table

SHARES = st.fractions(0, 5, max_denominator=12)


def tables(cells: st.SearchStrategy) -> st.SearchStrategy[list[list]]:
    """Tables of up to six rows and five columns."""
    return st.integers(1, 5).flatmap(
        lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
    )


def is_rounded(value: int, share: Fraction) -> bool:
    return value in (floor(share), ceil(share))


@given(tables(SHARES), st.integers(0, 1000))
def test_cells_and_sums_are_rounded_up_or_down(table, seed):
    rounded = round_table(table, random.Random(seed))
    for values, shares in zip(rounded, table, strict=True):
        assert all(map(is_rounded, values, shares))
        assert is_rounded(sum(values), sum(shares))
    for values, shares in zip(zip(*rounded, strict=True), zip(*table, strict=True), strict=True):
        assert is_rounded(sum(values), sum(shares))
    assert is_rounded(sum(map(sum, rounded)), sum(map(sum, table)))


def test_what_is_expected_of_a_cell_is_its_share():
    table = [[Fraction(1, 3), Fraction(1, 2)], [Fraction(5, 4), Fraction(1, 10)]]
    mean = np.mean([round_table(table, random.Random(seed)) for seed in range(4000)], axis=0)
    assert np.allclose(mean, np.array(table, float), atol=0.04)


@given(tables(st.integers(0, 30)), st.integers(0, 1000))
def test_even_parts_of_cells_and_sums_differ_by_at_most_one(table, seed):
    parts = np.array(split_table(table, [[Fraction(1)] * 3] * len(table[0]), random.Random(seed)))
    assert (parts.sum(axis=0) == np.array(table)).all()
    for sums in (parts, parts.sum(axis=1), parts.sum(axis=2), parts.sum(axis=(1, 2))):
        assert (np.ptp(sums, axis=0) <= 1).all()


@given(tables(st.integers(0, 30)), st.integers(0, 1000))
def test_a_columns_parts_are_the_numbers_that_are_asked_for(table, seed):
    rng = random.Random(seed)
    wanted = []
    for total in np.sum(table, axis=0):
        first = rng.randint(0, total)
        second = rng.randint(0, total - first)
        wanted.append([Fraction(first), Fraction(second), Fraction(int(total) - first - second)])
    parts = np.array(split_table(table, wanted, rng))
    assert (parts >= 0).all()
    assert parts.sum(axis=1).T.tolist() == wanted
