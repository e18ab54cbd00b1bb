"""Runs rounds of plan, generate and score until enough images are accepted; later rounds restore the balance.

RUN             the run directory of the first round
RUN-round-2     that of the second round, and so on; each uses photographs that no earlier round used

Accepted images beyond the wanted ones are listed in `surplus.json` of their run, and not packed.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from builder.run.bases import read_bases
from builder.run.directory import PLAN, RunDirectory
from builder.run.surplus import read_surplus, write_surplus
from generation.editing.executors.options import ExecutorOptions
from generation.editing.worker_options import WorkerOptions
from generation.plan.options import PlanOptions
from generation.plan.selection import unedited_wanted
from generation.prepare.acceptance import (
    PlannedImage,
    Tally,
    Wanted,
    is_reached,
    next_round,
    planned_images,
    tally,
    wanted_images,
)
from generation.prepare.prepare import NothingToEdit, prepare_run
from generation.prepare.report import PrepareReport
from generation.prepare.surplus import kept_images
from generation.sources.photographs import SourceOptions
from generation.vlm.client import VlmClient

GIVE_UP_AFTER = 100
"""Images in a row, none of them accepted, after which no further round is made; at 5 % one call in 170 ends so."""


@dataclass(frozen=True)
class RoundsReport:
    """The result of all rounds together.

    Attributes:
        runs: their run directories.
        target: number of accepted images requested.
        wanted: the same by number of turns and kind of base image.
        planned: counts of planned images.
        accepted: counts of accepted images that are kept.
        surplus: number of accepted images that are not packed.
        used_up: why no further round was made though images are missing; None if none are missing.
    """

    runs: tuple[str, ...]
    target: int
    wanted: Wanted
    planned: Tally
    accepted: Tally
    surplus: int
    used_up: str | None = None

    def lines(self) -> list[str]:
        """Lines to print."""
        turns = "/".join(str(self.accepted.turns[turn]) for turn in range(1, len(self.wanted.turns) + 1))
        lines = [
            f"rounds: {len(self.runs)}; {self.accepted.images} images accepted of {self.planned.images} edited, "
            f"{self.target} were wanted; {turns} with 1, 2, … turns"
        ]
        if self.surplus:
            lines.append(f"surplus: {self.surplus} more accepted images are not packed, to keep the balance")
        if self.used_up:
            lines.append(f"short: {self.target - self.accepted.images} images are missing: {self.used_up}")
            lines += self._shortfalls()
        return lines + self._imbalances()

    def _shortfalls(self) -> list[str]:
        """One line for each number of turns and kind of base image of which too few were accepted."""
        kinds = [
            (f"with {turns} turn{'s' * (turns > 1)}", number, self.accepted.turns[turns])
            for turns, number in enumerate(self.wanted.turns, start=1)
        ]
        kinds.append(("with a generated base", self.wanted.generated, self.accepted.generated))
        photographs = self.accepted.images - self.accepted.generated
        kinds.append(("of a photograph", self.target - self.wanted.generated, photographs))
        return [f"short: {got} images {kind}, {number} were wanted" for kind, number, got in kinds if got < number]

    def _imbalances(self) -> list[str]:
        """One line for each turn at which the generators' accepted edits differ by over 2 and over a fifth of the
        largest, and one for the edit types."""
        by_turn: dict[int, list[int]] = {}
        for (turn, generator), _ in self.planned.generators.items():
            by_turn.setdefault(turn, []).append(self.accepted.generators[turn, generator])
        counts = [
            *((f"at turn {turn} a generator", edits) for turn, edits in sorted(by_turn.items())),
            ("an edit type", [self.accepted.edit_types[name] for name in self.planned.edit_types]),
        ]
        return [
            f"uneven: {what} has {min(edits)} to {max(edits)} accepted edits"
            for what, edits in counts
            if edits and max(edits) - min(edits) > max(2, 0.2 * max(edits))
        ]


def carry_out(
    run_url: str,
    target: int,
    sources: SourceOptions,
    options: PlanOptions,
    work: Callable[[str], None],
    report_plan: Callable[[PrepareReport], None],
    client: VlmClient | None = None,
    painting: WorkerOptions | None = None,
    check: bool = False,
    where: ExecutorOptions | None = None,
) -> RoundsReport:
    """Plans, edits and scores until the wanted images are accepted or no photographs are left for them.

    An interrupted call can be repeated; it continues with the unfinished round.

    Args:
        run_url: the run directory of the first round; those of the others are named after it.
        target: edited images wanted; at least 1.
        sources: the photographs.
        options: what fixes the first round's plan besides; `count` is not used.
        work: edits and scores a run.
        report_plan: is given each plan's report.
        client: see `generation.prepare.prepare.prepare_run`.
        painting: see `generation.prepare.prepare.prepare_run`.
        check: see `generation.prepare.prepare.prepare_run`.
        where: see `generation.prepare.prepare.prepare_run`.

    Raises:
        ValueError, FileNotFoundError: the first round cannot be planned.
    """
    if target < 1:
        raise ValueError(f"a target is at least 1, not {target}")
    wanted = wanted_images(options, target, sources.generated_share)
    first = dataclasses.replace(options, count=target, unedited=unedited_wanted(options, target))
    report_plan(prepare_run(run_url, sources, first, client, painting, check=check, where=where))
    work(run_url)
    runs = [run_url]
    while (used_up := given_up(images := planned_images(runs), wanted)) is None:
        if is_reached([image for image in images if image.accepted], wanted):
            break
        url = f"{run_url.rstrip('/')}-round-{len(runs) + 1}"
        if not RunDirectory(url).exists(PLAN):
            again, share = next_round(options, images, wanted)
            left = dataclasses.replace(sources, generated_share=share)
            try:
                report_plan(prepare_run(url, left, again, client, painting, _used(runs), check, where))
            except NothingToEdit as error:
                used_up = f"the photographs are used up ({error})"
                break
        runs.append(url)
        work(url)
    return _finished(runs, target, options.seed, images, wanted, used_up)


def given_up(images: Sequence[PlannedImage], wanted: Wanted) -> str | None:
    """Why a further round would give nothing that is missing; None if it may.

    Args:
        images: the planned images of all rounds, in their order.
        wanted: the wanted images.
    """
    since = next((place for place, image in enumerate(reversed(images)) if image.accepted), len(images))
    if since >= GIVE_UP_AFTER:
        return f"none of the last {since} images was accepted"
    counts = tally(image for image in images if image.accepted).turns
    missing = {turns for turns, number in enumerate(wanted.turns, start=1) if counts[turns] < number}
    last_run = [image for image in images if image.run == images[-1].run] if images else []
    if len({image.run for image in images}) > 1 and missing and not missing & {image.turns for image in last_run}:
        turns = ", ".join(map(str, sorted(missing)))
        return f"no photograph is left with enough regions for images with {turns} turns"
    return None


def _finished(
    runs: Sequence[str],
    target: int,
    seed: int,
    images: Sequence[PlannedImage],
    wanted: Wanted,
    used_up: str | None,
) -> RoundsReport:
    """Lists the surplus in each run, and reports."""
    accepted = [image for image in images if image.accepted]
    kept = kept_images(accepted, wanted, seed)
    names = {(image.run, image.image) for image in kept}
    for url in runs:
        run = RunDirectory(url)
        surplus = {image.image for image in accepted if image.run == url and (url, image.image) not in names}
        if surplus != read_surplus(run):
            write_surplus(run, surplus)
    if len(kept) == target:
        used_up = None
    return RoundsReport(
        tuple(runs), target, wanted, tally(images), tally(kept), len(accepted) - len(kept), used_up
    )


def _used(runs: Sequence[str]) -> frozenset[str]:
    return frozenset(base.image for url in runs for base in read_bases(RunDirectory(url)))
