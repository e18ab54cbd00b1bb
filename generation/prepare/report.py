"""The report of the `plan` stage: images examined and skipped, and the counts of the plan."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from builder.run.directory import RunDirectory
from generation.plan.report import PlanReport
from generation.sources.coco_file import Skip
from generation.sources.photographs import FORBIDDEN

NAMED = 10
"""Number of names shown per reason for skipping."""

SKIPPED = "skipped.csv"
"""Names every file of the sources that is not in the plan, with the reason."""

NO_REGION = "nothing on it can be edited, and no more unedited photographs are needed"
NOT_NEEDED = "it is not needed: there are enough others"


@dataclass(frozen=True)
class PrepareReport:
    """The report of the `plan` stage.

    Attributes:
        plan: counts of the plan.
        was_planned: whether the run had its plan already; nothing was done then.
        photographs: number of photographs in the sources.
        examined: number of images in which regions were searched.
        skipped: photographs and annotations that cannot be used, with reasons.
        unused: usable photographs that are not in the plan, with reasons.
        dropped: number of objects without a region, by reason.
        captions: number of pictures that can be generated from captions; None if none were requested.
        generated: number of edited images with such a base image.
        remade: names of the base images that were damaged and were made again, where the run had its plan.
        generated_share: requested share of edited images with such a base image.
    """

    plan: PlanReport
    was_planned: bool = False
    photographs: int = 0
    examined: int = 0
    skipped: tuple[Skip, ...] = ()
    unused: tuple[Skip, ...] = ()
    dropped: tuple[tuple[str, int], ...] = ()
    captions: int | None = None
    generated: int = 0
    generated_share: float = 0.0
    remade: tuple[str, ...] = ()

    @property
    def left_out_by_license(self) -> int:
        return sum(skip.reason == FORBIDDEN for skip in self.skipped)

    def lines(self) -> list[str]:
        """Lines to print."""
        if self.was_planned:
            remade = [f"base image made again, its file was damaged: {name}" for name in self.remade]
            return ["the run has its plan already; it is not changed", *remade, *self.plan.lines()]
        lines = [f"photographs: {self.photographs} to choose from, {self.examined} examined"]
        lines += self._generated_lines()
        lines += skip_lines([*self.skipped, *self.unused])
        if any(count > NAMED for count in Counter(skip.reason for skip in self.skipped + self.unused).values()):
            lines.append(f"every file that is left out is named in {SKIPPED} of the run directory")
        lines += [f"no region: {count} objects: {reason}" for reason, count in self.dropped]
        return lines + self.plan.lines()

    def _generated_lines(self) -> list[str]:
        if self.captions is None:
            return []
        lines = [f"base images from captions: {self.generated}, of {self.captions} photographs described"]
        if self.generated < (wanted := round(self.plan.images * self.generated_share)):
            lines.append(f"short: {wanted} base images were to be made from captions")
        return lines


def write_skipped(run: RunDirectory, skipped: Sequence[Skip]) -> None:
    """Writes the list of the files that are not in the plan, `skipped.csv`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "reason"))
    writer.writerows((skip.name, skip.reason) for skip in skipped)
    run.write(SKIPPED, text.getvalue().encode())


def skip_lines(skipped: Sequence[Skip]) -> list[str]:
    """One line per reason: the number of skipped images and the first few names."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for skip in skipped:
        by_reason[skip.reason].append(skip.name)
    return [_skip_line(reason, names) for reason, names in sorted(by_reason.items())]


def _skip_line(reason: str, names: list[str]) -> str:
    more = ", …" if len(names) > NAMED else ""
    advice = "; --any-license keeps them" if reason == FORBIDDEN else ""
    return f"left out: {len(names)}: {reason} ({', '.join(names[:NAMED])}{more}){advice}"


def count_reasons(reasons: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Each reason with its count, the most frequent first."""
    return tuple(sorted(Counter(reasons).items(), key=lambda pair: (-pair[1], pair[0])))
