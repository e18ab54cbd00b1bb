"""What the `plan` stage found, left out and planned."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from generation.plan.report import PlanReport
from generation.sources.coco_file import Skip
from generation.sources.photographs import FORBIDDEN

NAMED = 3
"""How many of those that were skipped for one reason are named."""


@dataclass(frozen=True)
class PrepareReport:
    """What the `plan` stage did.

    Attributes:
        plan: what the plan holds.
        was_planned: the run had its plan already, and nothing was done.
        photographs: those that the sources offer.
        looked_at: those whose regions were sought.
        skipped: photographs and annotations that cannot be used, with their reasons.
        dropped: why objects on the photographs gave no region, and how many.
        captions: pictures that could be made from captions; None where none were asked for.
        generated: edited images whose base is such a picture.
        generated_share: what their share of the edited images was to be.
    """

    plan: PlanReport
    was_planned: bool = False
    photographs: int = 0
    looked_at: int = 0
    skipped: tuple[Skip, ...] = ()
    dropped: tuple[tuple[str, int], ...] = ()
    captions: int | None = None
    generated: int = 0
    generated_share: float = 0.0

    @property
    def left_out_by_license(self) -> int:
        return sum(skip.reason == FORBIDDEN for skip in self.skipped)

    def lines(self) -> list[str]:
        """The report for people."""
        if self.was_planned:
            return ["the run has its plan already; it is left as it is", *self.plan.lines()]
        lines = [f"photographs: {self.photographs} to choose from, {self.looked_at} looked at"]
        lines += self._generated_lines()
        lines += skip_lines(self.skipped)
        lines += [f"no region: {count} objects: {reason}" for reason, count in self.dropped]
        return lines + self.plan.lines()

    def _generated_lines(self) -> list[str]:
        if self.captions is None:
            return []
        lines = [f"base images from captions: {self.generated}, of {self.captions} photographs described"]
        if self.generated < (wanted := round(self.plan.images * self.generated_share)):
            lines.append(f"short: {wanted} base images were to be made from captions")
        return lines


def skip_lines(skipped: Sequence[Skip]) -> list[str]:
    """One line a reason: how many, and the first few by name."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for skip in skipped:
        by_reason[skip.reason].append(skip.name)
    return [_skip_line(reason, names) for reason, names in sorted(by_reason.items())]


def _skip_line(reason: str, names: list[str]) -> str:
    more = ", …" if len(names) > NAMED else ""
    advice = "; --any-license keeps them" if reason == FORBIDDEN else ""
    return f"left out: {len(names)}: {reason} ({', '.join(names[:NAMED])}{more}){advice}"


def count_reasons(reasons: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Each reason and how often it was given, the most frequent first."""
    return tuple(sorted(Counter(reasons).items(), key=lambda pair: (-pair[1], pair[0])))
