"""Rounds tables of fractional shares randomly to integers; row, column and total sums change by less than one.

This is controlled rounding of a two-way table (Cox, 1987): fractional cells form a closed path of alternating row
and column steps. Along it the same amount is alternately added and subtracted, which keeps all sums, until a cell
becomes an integer.
"""

import random
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

Cell = tuple[int, int]


def split_table(
    table: Sequence[Sequence[int]], weights: Sequence[Sequence[Fraction]], rng: random.Random
) -> list[list[list[int]]]:
    """Splits every cell of a table of counts into integer parts.

    If all columns have equal weights, the parts of a cell, of a row, of a column and of the total differ by at
    most one. If a column's weights are integers that sum to the column's sum, its parts are exactly these.

    Args:
        table: counts, at least 0, in rows of equal length.
        weights: for each column the ratio of its parts, each at least 0.
        rng: draws how fractions are rounded.

    Returns:
        One table per part; they sum to `table`.
    """
    left = [list(row) for row in table]
    parts = []
    for part in range(len(weights[0]) - 1):
        shares = [_share(column, part) for column in weights]
        taken = round_table(
            [[count * share for count, share in zip(row, shares, strict=True)] for row in left], rng
        )
        left = [
            [count - part for count, part in zip(*rows, strict=True)] for rows in zip(left, taken, strict=True)
        ]
        parts.append(taken)
    return [*parts, left]


def _share(weights: Sequence[Fraction], part: int) -> Fraction:
    """A part's share of what remains after the earlier parts, 0 to 1."""
    rest = sum(weights[part:])
    return weights[part] / rest if rest else Fraction(0)


def round_table(table: Sequence[Sequence[Fraction]], rng: random.Random) -> list[list[int]]:
    """Rounds each cell up or down, so that row, column and total sums are rounded up or down too.

    The expected value of a rounded cell is the cell's value.

    Args:
        table: values of at least 0, in rows of equal length.
        rng: draws which cells are rounded up.
    """
    whole = _with_whole_sums(table)
    broken = {
        (row, column): cell - floor(cell)
        for row, cells in enumerate(whole)
        for column, cell in enumerate(cells)
        if cell != floor(cell)
    }
    rounded = [[floor(cell) for cell in cells] for cells in whole]
    while broken:
        path = _closed_path(broken)
        for cell, value in _shifted(broken, path, rng).items():
            broken[cell] = value
            if value in (0, 1):
                rounded[cell[0]][cell[1]] += int(value)
                del broken[cell]
    return [cells[:-1] for cells in rounded[:-1]]


def _with_whole_sums(table: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """The table with an additional row and column of values in [0, 1) that make all sums integers."""
    rows = [sum(cells, Fraction(0)) for cells in table]
    columns = [sum(cells, Fraction(0)) for cells in zip(*table, strict=True)]
    wider = [[*cells, ceil(total) - total] for cells, total in zip(table, rows, strict=True)]
    corner = sum(rows, Fraction(0)) % 1
    return [*wider, [*(ceil(total) - total for total in columns), corner]]


def _closed_path(broken: dict[Cell, Fraction]) -> list[Cell]:
    """A closed path of fractional cells; successive ones share alternately a row and a column.

    A row or column with one fractional cell has another, because its sum is an integer; so the search closes.
    """
    in_row: dict[int, list[Cell]] = {}
    in_column: dict[int, list[Cell]] = {}
    for cell in broken:
        in_row.setdefault(cell[0], []).append(cell)
        in_column.setdefault(cell[1], []).append(cell)
    path = [next(iter(broken))]
    seen = {("column", path[0][1]): 0}  # row or column -> index in the path at which it was left
    along_column = True
    while True:
        at = path[-1]
        line = in_column[at[1]] if along_column else in_row[at[0]]
        path.append(line[0] if line[0] != at else line[1])
        along_column = not along_column
        key = ("column", path[-1][1]) if along_column else ("row", path[-1][0])
        if key in seen:
            return path[seen[key] + 1 :]
        seen[key] = len(path) - 1


def _shifted(broken: dict[Cell, Fraction], path: Sequence[Cell], rng: random.Random) -> dict[Cell, Fraction]:
    """The path's values after adding an amount to every second cell and subtracting it from the others, or
    reversed.

    The amount in each direction is the smallest that makes a cell an integer. A direction's probability is the
    other direction's share of both amounts, so that expected values do not change.
    """
    added, taken = path[::2], path[1::2]
    up = min(*(1 - broken[cell] for cell in added), *(broken[cell] for cell in taken))
    down = min(*(broken[cell] for cell in added), *(1 - broken[cell] for cell in taken))
    step = up if rng.random() < down / (up + down) else -down
    return {cell: broken[cell] + step for cell in added} | {cell: broken[cell] - step for cell in taken}
