"""Tables of shares as whole numbers, at random, with every row, column and the whole kept within one of its sum.

It is controlled rounding of a two-way table (Cox, 1987): wherever cells are broken, there is a closed path of them
that turns at every cell; along it shares are added and taken in turn, so that sums stay and a cell becomes whole.
"""

import random
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

Cell = tuple[int, int]


def split_table(
    table: Sequence[Sequence[int]], weights: Sequence[Sequence[Fraction]], rng: random.Random
) -> list[list[list[int]]]:
    """Splits every cell of a table into parts.

    Where the weights of all columns are equal, the parts of a cell, of a row, of a column and of the whole differ
    by at most one. A column's parts are its weights exactly, where those are whole numbers that sum to it.

    Args:
        table: counts, not negative, all rows of one length.
        weights: for each column, of the parts; none is negative.
        rng: draws who gets what cannot be halved.

    Returns:
        A table for each part. They sum to `table`.
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
    """A part's share of what the parts before it leave."""
    rest = sum(weights[part:])
    return weights[part] / rest if rest else Fraction(0)


def round_table(table: Sequence[Sequence[Fraction]], rng: random.Random) -> list[list[int]]:
    """A table in whole numbers: each cell and the sums of rows, columns and all are rounded up or down.

    What is expected of a cell is its value: nothing is preferred.

    Args:
        table: not negative, all rows of one length.
        rng: draws what is rounded up.
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
    """The table with a row and a column more, of shares below one that make all sums whole."""
    rows = [sum(cells, Fraction(0)) for cells in table]
    columns = [sum(cells, Fraction(0)) for cells in zip(*table, strict=True)]
    wider = [[*cells, ceil(total) - total] for cells, total in zip(table, rows, strict=True)]
    corner = sum(rows, Fraction(0)) % 1
    return [*wider, [*(ceil(total) - total for total in columns), corner]]


def _closed_path(broken: dict[Cell, Fraction]) -> list[Cell]:
    """Broken cells, each in the row or the column of the next, in turn, and the last in that of the first.

    A row or column with one broken cell has another, for its sum is whole: so a walk never ends but in itself.
    """
    in_row: dict[int, list[Cell]] = {}
    in_column: dict[int, list[Cell]] = {}
    for cell in broken:
        in_row.setdefault(cell[0], []).append(cell)
        in_column.setdefault(cell[1], []).append(cell)
    path = [next(iter(broken))]
    seen = {
        ("column", path[0][1]): 0
    }  # a line, and the place in the path of the first cell after which it is left
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
    """The path's values after adding to every other cell and taking from the rest, or the other way round.

    Each way goes as far as a cell becomes whole, and is as likely as the other goes far.
    """
    added, taken = path[::2], path[1::2]
    up = min(*(1 - broken[cell] for cell in added), *(broken[cell] for cell in taken))
    down = min(*(broken[cell] for cell in added), *(1 - broken[cell] for cell in taken))
    step = up if rng.random() < down / (up + down) else -down
    return {cell: broken[cell] + step for cell in added} | {cell: broken[cell] - step for cell in taken}
