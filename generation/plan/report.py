"""What a plan holds, counted."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from builder.run.planned_edit import PlannedEdit
from diffseg30k import EDIT_TYPES, GENERATORS, MAX_TURNS
from generation.plan.options import PlanOptions
from generation.plan.selection import turn_targets, unedited_wanted


@dataclass(frozen=True)
class PlanReport:
    """What a plan holds.

    Attributes:
        images: images that are edited.
        count: images that were asked for; None for all.
        by_turns: images with one, two and three turns.
        wanted_by_turns: the same as the ratio has it for so many images.
        by_generator: each generator's edits at the first, second and third turn.
        by_edit_type: edits of each type.
        unedited: images that are kept as they are.
        wanted_unedited: images that were to be kept.
        ratio: of images with one, two and three turns, in words.
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
        """The report for people."""
        lines = [
            f"edited: {self.images} images, {_listed(self.by_turns)} with 1, 2 and 3 turns",
            f"edit types: {', '.join(f'{count} {name}' for name, count in self.by_edit_type.items())}",
            "edits by generator at turns 1, 2 and 3: "
            + ", ".join(f"{name} {_listed(counts)}" for name, counts in self.by_generator.items()),
            f"unedited: {self.unedited} images",
        ]
        return lines + self.shortfalls()

    def shortfalls(self) -> list[str]:
        """What was asked for and could not be had, a line each."""
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
        edits: the whole plan.
        unedited: images that are kept as they are.
        options: what the plan was made for.
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
