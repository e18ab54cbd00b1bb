"""Checks the splits of a packed dataset over all rows together."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from builder.dataset.splits import edited_group, held_out_split, mixes
from diffseg30k import (
    HELD_OUT_PAIRS,
    LORA,
    MORE_UNEDITED,
    UNEDITED,
    UNEDITED_IN_TRAIN,
    held_out_column,
    side,
)


@dataclass(frozen=True)
class PlacedRow:
    """The shard of a row, and the values that decide its split.

    Attributes:
        id: its id.
        shard: the path of its shard.
        side: the side of the shard's folder.
        group: the group of the shard's folder.
        base_id: its base image's id; None where the base image is not known, as in the published archives.
        generators: short ids.
        flags: the held-out columns.
        lost_rows: whether rows were taken out of the dataset. A row that another one of its photograph kept out of
            a held-out config stays out of it when that one goes, since published rows do not change.
    """

    id: str
    shard: str
    side: str
    group: str
    base_id: str | None
    generators: tuple[str, ...]
    flags: dict[str, bool | None]
    lost_rows: bool = False

    @property
    def photograph(self) -> str:
        """The identity of its base image."""
        return self.base_id if self.base_id is not None else f"of row {self.id}"


Breach = tuple[PlacedRow, str]


def ids_are_unique(rows: list[PlacedRow]) -> Iterator[Breach]:
    seen: dict[str, str] = {}
    for row in rows:
        if row.id in seen:
            yield row, f"it lies in {seen[row.id]} as well"
        seen[row.id] = row.shard


def sides_follow_the_base_image(rows: list[PlacedRow]) -> Iterator[Breach]:
    for row in rows:
        if row.base_id is not None and side(row.base_id) != row.side:
            yield row, f"the base image {row.base_id} is one of the {side(row.base_id)} side"


def groups_fit(rows: list[PlacedRow]) -> Iterator[Breach]:
    for row in rows:
        if row.group not in _groups(row):
            yield (
                row,
                f"edited by {', '.join(row.generators) or 'none'}, it belongs in {' or '.join(_groups(row))}",
            )


def _groups(row: PlacedRow) -> tuple[str, ...]:
    if row.generators:
        lora = (LORA,) if row.side == "validation" else ()
        return (edited_group(row.generators), *lora)
    return (UNEDITED, MORE_UNEDITED) if row.side == "train" else (UNEDITED,)


def unedited_are_capped(rows: list[PlacedRow]) -> Iterator[Breach]:
    unedited = [row for row in rows if row.side == "train" and row.group == UNEDITED]
    for row in unedited[UNEDITED_IN_TRAIN : UNEDITED_IN_TRAIN + 1]:
        yield row, f"there are {len(unedited)} of them"


def flags_follow_the_generators(rows: list[PlacedRow]) -> Iterator[Breach]:
    serving = _serving(rows)
    for row in rows:
        for pair in HELD_OUT_PAIRS:
            expected = _expected_flag(row, pair, serving[pair])
            flag = row.flags[held_out_column(pair)]
            if expected is not None and flag is not expected:
                yield row, f"{held_out_column(pair)} is {flag}"


def _expected_flag(row: PlacedRow, pair: str, serving: dict[str, set[str]]) -> bool | None:
    """The flag that a row has to have; None where either is right."""
    if mixes(row.generators, pair):
        return False
    split = None if row.group == LORA else held_out_split(row.side, row.generators, pair)
    if split is None:
        return True
    elsewhere = serving[row.photograph] - {split}
    return None if elsewhere or row.lost_rows else True


def held_out_splits_share_no_base(rows: list[PlacedRow]) -> Iterator[Breach]:
    serving = _serving(rows)
    for row in rows:
        for pair in HELD_OUT_PAIRS:
            if len(serving[pair][row.photograph]) > 1 and _serves(row, pair) == "train":
                yield row, f"the base image {row.photograph} trains and tests heldout-{pair}"


def _serves(row: PlacedRow, pair: str) -> str | None:
    if row.group == LORA or not row.flags[held_out_column(pair)]:
        return None
    return held_out_split(row.side, row.generators, pair)


def _serving(rows: list[PlacedRow]) -> dict[str, dict[str, set[str]]]:
    """Held-out pair to base image to the splits in which it is."""
    serving: dict[str, dict[str, set[str]]] = {pair: defaultdict(set) for pair in HELD_OUT_PAIRS}
    for row in rows:
        for pair in HELD_OUT_PAIRS:
            if split := _serves(row, pair):
                serving[pair][row.photograph].add(split)
    return serving


SPLIT_CHECKS: dict[str, Callable[[list[PlacedRow]], Iterator[Breach]]] = {
    "ids are unique": ids_are_unique,
    "the side is decided by the base image's id": sides_follow_the_base_image,
    "a shard's folder is that of its rows' generators": groups_fit,
    f"at most {UNEDITED_IN_TRAIN:,} unedited photographs join the train split of semantic and binary": (
        unedited_are_capped
    ),
    "held-out columns say whether the pair made all edits or none": flags_follow_the_generators,
    "no base image is in both splits of a held-out config": held_out_splits_share_no_base,
}
"""Promise to check."""
