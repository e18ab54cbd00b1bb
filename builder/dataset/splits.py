"""Decides the side of the 8:2 split and the held-out flags of each row.

The side depends on the base image's id alone, so no row moves when rows are added. A held-out config trains on
images without the pair's edits and tests on images that only the pair edited. If a photograph has images of both
kinds, all of them get the side of its first ones, or else `test`, which has fewer rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from diffseg30k import (
    EDITED,
    HELD_OUT_PAIRS,
    LORA,
    MORE_UNEDITED,
    UNEDITED,
    UNEDITED_IN_TRAIN,
    held_out_column,
    only_by,
    side,
    unit_hash,
)


@dataclass(frozen=True)
class Member:
    """What decides where a row belongs.

    Attributes:
        id: the row's id.
        base_id: its base image's.
        generators: the generators that edited it; none for an unedited photograph.
    """

    id: str
    base_id: str
    generators: tuple[str, ...]


@dataclass(frozen=True)
class Placement:
    """Where a row belongs.

    Attributes:
        side: `train` or `validation`.
        group: one of `diffseg30k.GROUPS`.
        flags: the held-out columns, by name.
    """

    side: str
    group: str
    flags: dict[str, bool]


@dataclass(frozen=True)
class Occupied:
    """What a dataset that rows are added to holds already.

    Attributes:
        unedited_in_train: rows in the train side's `unedited` group.
        serving: held-out pair to base image's id to the split, `train` or `test`, that the base image serves.
    """

    unedited_in_train: int = 0
    serving: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def edited_group(generators: Iterable[str]) -> str:
    """The group of an edited row: `only-PAIR` where one held-out pair made all of its edits."""
    used = set(generators)
    for pair, members in HELD_OUT_PAIRS.items():
        if used <= set(members):
            return only_by(pair)
    return EDITED


def place(members: Sequence[Member], occupied: Occupied | None = None) -> list[Placement]:
    """Where each row belongs.

    Args:
        members: rows that are added together.
        occupied: what they are added to; an empty dataset if left out.

    Returns:
        One placement per member, in order. It does not depend on the order.
    """
    occupied = occupied or Occupied()
    in_train = _unedited_in_train(members, UNEDITED_IN_TRAIN - occupied.unedited_in_train)
    serving = {pair: _serving(members, pair, occupied.serving.get(pair, {})) for pair in HELD_OUT_PAIRS}
    return [
        Placement(
            side(member.base_id),
            _group(member, in_train),
            {held_out_column(pair): _flag(member, pair, serving[pair]) for pair in HELD_OUT_PAIRS},
        )
        for member in members
    ]


def place_lora(members: Sequence[Member]) -> list[Placement]:
    """Where the rows of a LoRA run belong: all in the `lora` group, which no held-out config reads.

    Raises:
        ValueError: a row's base image is one of the train side.
    """
    if astray := [member.id for member in members if side(member.base_id) == "train"]:
        raise ValueError(
            f"a LoRA run edits photographs of the validation side, but {len(astray)} rows are of the train side, "
            f"{astray[0]} among them"
        )
    return [
        Placement(
            "validation",
            LORA,
            {held_out_column(pair): not mixes(member.generators, pair) for pair in HELD_OUT_PAIRS},
        )
        for member in members
    ]


def _unedited_in_train(members: Sequence[Member], room: int) -> set[str]:
    """The unedited rows that `semantic` and `binary` train on: the first by hash, as far as there is room."""
    unedited = [member.id for member in members if not member.generators and side(member.base_id) == "train"]
    return set(sorted(unedited, key=lambda row: (unit_hash(row), row))[: max(room, 0)])


def _group(member: Member, in_train: set[str]) -> str:
    if member.generators:
        return edited_group(member.generators)
    return UNEDITED if side(member.base_id) == "validation" or member.id in in_train else MORE_UNEDITED


def mixes(generators: Iterable[str], pair: str) -> bool:
    """Whether the pair made some of the edits and another generator the others."""
    used, members = set(generators), set(HELD_OUT_PAIRS[pair])
    return bool(used & members) and not used <= members


def held_out_split(base_side: str, generators: Iterable[str], pair: str) -> str | None:
    """The split of a held-out config that a row is for, its base image's other rows aside.

    Returns:
        `train`, `test`, or None for a row that the pair edited along with others, and for an edited row of the
        validation side without an edit by the pair.
    """
    used, members = set(generators), set(HELD_OUT_PAIRS[pair])
    if used & members:
        return "test" if used <= members else None
    if base_side == "train":
        return "train"
    return None if used else "test"


def _serving(members: Sequence[Member], pair: str, already: Mapping[str, str]) -> dict[str, str]:
    """The split that each base image serves."""
    serving: dict[str, str] = {}
    for member in members:
        split = held_out_split(side(member.base_id), member.generators, pair)
        if split == "test" or (split == "train" and member.base_id not in serving):
            serving[member.base_id] = split
    return serving | dict(already)


def _flag(member: Member, pair: str, serving: Mapping[str, str]) -> bool:
    """Whether a row belongs to the held-out config's folders, by `diffseg30k.held_out_column`."""
    split = held_out_split(side(member.base_id), member.generators, pair)
    return not mixes(member.generators, pair) if split is None else serving[member.base_id] == split
