"""Counts the images and edits of a plan, and reports shortfalls from its options."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from builder.run.planned_edit import PlannedEdit
from diffseg30k import EDIT_TYPES, GENERATORS, MAX_TURNS
from generation.plan.options import PlanOptions
from generation.plan.selection import turn_targets, unedited_wanted


@dataclass(frozen=True)
class PlanReport:
    """Counts of a plan.

    Attributes:
        images: number of edited images.
        count: number of edited images requested; None for all.
        by_turns: numbers of images with one, two and three turns.
        wanted_by_turns: the same numbers as the ratio requires.
        by_generator: for each generator its numbers of edits at the first, second and third turn.
        by_edit_type: number of edits of each type.
        unedited: number of photographs kept unedited.
        wanted_unedited: number of photographs requested unedited.
        ratio: ratio of images with one, two and three turns, as text.
    """

    images: int
    count: int | None
    by_turns: tuple[int, ...]
    wanted_by_turns: tuple[int, ...]
    by_generator: dict[str, tuple[int, ...]]
    by_edit_type: dict[str, int]
    unedited: int
    wanted_unedited: int
    ratio: str = "1:4:5"

    def lines(self) -> list[str]:
        """Lines to print."""
        lines = [
            f"edited: {self.images} images, {_listed(self.by_turns)} with 1, 2 and 3 turns",
            f"edit types: {', '.join(f'{count} {name}' for name, count in self.by_edit_type.items())}",
            "edits by generator at turns 1, 2 and 3: "
            + ", ".join(f"{name} {_listed(counts)}" for name, counts in self.by_generator.items()),
            f"unedited: {self.unedited} images",
        ]
        return lines + self.shortfalls()

    def shortfalls(self) -> list[str]:
        """One line for each option that could not be met."""
        lines = []
        if self.count is not None and self.images < self.count:
            lines.append(f"short: {self.count} images were to be edited, {self.images} have regions")
        if self.by_turns != self.wanted_by_turns:
            wanted = _listed(self.wanted_by_turns)
            lines.append(f"short: {self.ratio} would be {wanted}; regions and generators do not allow it")
        if self.unedited < self.wanted_unedited:
            lines.append(
                f"short: {self.wanted_unedited} images were to be kept unedited, {self.unedited} are left"
            )
        return lines


def _listed(counts: Sequence[int]) -> str:
    return "/".join(map(str, counts))


def report_on(edits: Sequence[PlannedEdit], unedited: int, options: PlanOptions) -> PlanReport:
    """Counts a plan.

    Args:
        edits: all planned edits.
        unedited: names of the photographs kept unedited.
        options: the plan's options.
    """
    longest = Counter(Counter(edit.image for edit in edits).values())
    images = sum(longest.values())
    at_turn = Counter((edit.generator, edit.turn) for edit in edits)
    used = {settings.generator for settings in options.generators} | {edit.generator for edit in edits}
    types = Counter(edit.edit_type for edit in edits)
    turns = range(1, MAX_TURNS + 1)
    return PlanReport(
        images=images,
        count=options.count,
        by_turns=tuple(longest[turn] for turn in turns),
        wanted_by_turns=tuple(turn_targets(images, MAX_TURNS, options.turn_ratio)),
        by_generator={name: tuple(at_turn[name, turn] for turn in turns) for name in GENERATORS if name in used},
        by_edit_type={name: types[name] for name in EDIT_TYPES},
        unedited=unedited,
        wanted_unedited=unedited_wanted(options, images),
        ratio=":".join(f"{share:.3g}" for share in options.turn_ratio),
    )
