"""Runs rounds of plan, generate and score until enough images are accepted; later rounds restore the balance.

RUN             the run directory of the first round
RUN-round-2     that of the second round, and so on; each uses photographs that no earlier round used
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from builder.run.bases import Base, read_bases
from builder.run.directory import PLAN, RunDirectory
from builder.run.planned_edit import PlannedEdit, read_plan
from builder.run.scores import read_score
from diffseg30k import EDIT_TYPES
from generation.editing.worker_options import WorkerOptions
from generation.plan.options import PlanOptions
from generation.plan.selection import max_turns, turn_targets, unedited_wanted
from generation.plan.shares import Weights
from generation.prepare.prepare import NothingToEdit, prepare_run
from generation.prepare.report import PrepareReport
from generation.sources.photographs import SourceOptions
from generation.vlm.client import VlmClient

LEAST_RATE = 0.1
"""Lower bound on the rate of accepted images that a round is planned with, so that it stays of bounded size."""


@dataclass(frozen=True)
class Tally:
    """Counts of planned or of accepted images.

    Attributes:
        images: number of images.
        turns: number of images by number of turns.
        generators: number of edits by (turn, generator).
        edit_types: number of edits by edit type.
        generated: number of images whose base image was generated from a caption.
    """

    images: int
    turns: Counter[int]
    generators: Counter[tuple[int, str]]
    edit_types: Counter[str]
    generated: int


@dataclass(frozen=True)
class RoundsReport:
    """The result of all rounds together.

    Attributes:
        runs: their run directories.
        target: number of accepted images requested.
        planned: counts of planned images.
        accepted: counts of accepted images.
        used_up: why no further round was made though images are missing; None if none are missing.
    """

    runs: tuple[str, ...]
    target: int
    planned: Tally
    accepted: Tally
    used_up: str | None = None

    def lines(self) -> list[str]:
        """Lines to print."""
        turns = "/".join(str(self.accepted.turns[turn]) for turn in sorted(self.planned.turns))
        lines = [
            f"rounds: {len(self.runs)}; {self.accepted.images} images accepted of {self.planned.images} edited, "
            f"{self.target} were wanted; {turns} with 1, 2, … turns"
        ]
        if self.used_up:
            lines.append(f"short: {self.target - self.accepted.images} images are missing: {self.used_up}")
        return lines + self._imbalances()

    def _imbalances(self) -> list[str]:
        """One line for each turn at which the generators' accepted edits differ by over 2 and over a fifth of the
        largest."""
        by_turn: dict[int, list[int]] = {}
        for (turn, generator), _ in self.planned.generators.items():
            by_turn.setdefault(turn, []).append(self.accepted.generators[turn, generator])
        return [
            f"uneven: at turn {turn} a generator has {min(edits)} to {max(edits)} accepted edits"
            for turn, edits in sorted(by_turn.items())
            if max(edits) - min(edits) > max(2, 0.2 * max(edits))
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
) -> RoundsReport:
    """Plans, edits and scores until `target` images are accepted or the photographs are used up.

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

    Raises:
        ValueError, FileNotFoundError: the first round cannot be planned.
    """
    if target < 1:
        raise ValueError(f"a target is at least 1, not {target}")
    first = dataclasses.replace(options, count=target, unedited=unedited_wanted(options, target))
    report_plan(prepare_run(run_url, sources, first, client, painting))
    work(run_url)
    runs, before = [run_url], 0
    while True:
        planned, accepted = tally(runs)
        report = RoundsReport(tuple(runs), target, planned, accepted)
        if accepted.images >= target:
            return report
        if accepted.images == before:
            return dataclasses.replace(report, used_up="nothing of the last round was accepted")
        before = accepted.images
        url = f"{run_url.rstrip('/')}-round-{len(runs) + 1}"
        if not RunDirectory(url).exists(PLAN):
            again, left = _next(options, sources, target, planned, accepted)
            try:
                report_plan(prepare_run(url, left, again, client, painting, _used(runs)))
            except NothingToEdit as error:
                return dataclasses.replace(report, used_up=f"the photographs are used up ({error})")
        runs.append(url)
        work(url)


def _used(runs: Sequence[str]) -> frozenset[str]:
    return frozenset(base.image for url in runs for base in read_bases(RunDirectory(url)))


# ── Counting ──────────────────────────────────────────────────────────────────────────────────────


def tally(runs: Sequence[str]) -> tuple[Tally, Tally]:
    """Counts the planned and the accepted images of scored runs."""
    planned: list[tuple[Base, list[PlannedEdit]]] = []
    accepted = []
    for url in runs:
        run = RunDirectory(url)
        edits: dict[str, list[PlannedEdit]] = {}
        for edit in read_plan(run):
            edits.setdefault(edit.image, []).append(edit)
        bases = [(base, edits[base.image]) for base in read_bases(run) if base.num_edits]
        planned += bases
        accepted += [one for one in bases if _is_accepted(run, one[0].image)]
    return _tally(planned), _tally(accepted)


def _is_accepted(run: RunDirectory, image: str) -> bool:
    try:
        return read_score(run, image).accepted
    except FileNotFoundError:  # an edit of the image failed
        return False


def _tally(images: Sequence[tuple[Base, list[PlannedEdit]]]) -> Tally:
    edits = [edit for _, of_image in images for edit in of_image]
    return Tally(
        images=len(images),
        turns=Counter(base.num_edits for base, _ in images),
        generators=Counter((edit.turn, edit.generator) for edit in edits),
        edit_types=Counter(edit.edit_type for edit in edits),
        generated=sum(base.source == "generated" for base, _ in images),
    )


# ── Compensating for discarded images ─────────────────────────────────────────────────────────────


def _next(
    options: PlanOptions, sources: SourceOptions, target: int, planned: Tally, accepted: Tally
) -> tuple[PlanOptions, SourceOptions]:
    """The options of a further round that restores the balance if images are discarded at the same rates."""
    weights = compensating_weights(options, target, planned, accepted)
    missing = target - accepted.images
    generated = max(0.0, target * sources.generated_share - accepted.generated)
    share = min(1.0, generated / missing)
    wanted = max(missing, round(sum(weights.turns)))
    return (
        dataclasses.replace(options, count=wanted, unedited=0, weights=weights),
        dataclasses.replace(sources, generated_share=share),
    )


def compensating_weights(options: PlanOptions, target: int, planned: Tally, accepted: Tally) -> Weights:
    """The shares of a further round: for each turn, generator and edit type the missing number divided by its
    rate of acceptance.

    Args:
        options: the plan's options, for its generators.
        target: number of accepted images requested in all.
        planned: counts of the images planned so far.
        accepted: counts of those that were accepted.
    """
    most = max_turns(options)
    wanted = turn_targets(target, most)
    turns = [
        _scaled_up(wanted[turn - 1] - accepted.turns[turn], accepted.turns[turn], planned.turns[turn])
        for turn in range(1, most + 1)
    ]
    generators = []
    for turn in range(1, most + 1):
        share = sum(wanted[turn - 1 :]) / len(options.generators)
        keys = [(turn, settings.generator) for settings in options.generators]
        generators.append(
            [
                _scaled_up(share - accepted.generators[key], accepted.generators[key], planned.generators[key])
                for key in keys
            ]
        )
    edits = sum(length * images for length, images in enumerate(wanted, start=1)) / len(EDIT_TYPES)
    types = [
        _scaled_up(edits - accepted.edit_types[name], accepted.edit_types[name], planned.edit_types[name])
        for name in EDIT_TYPES
    ]
    return Weights(
        turns=_equal_if_zero([*turns, *[0.0] * (3 - most)]),
        generators=tuple(map(_equal_if_zero, generators)),
        edit_types=_equal_if_zero(types),
    )


def _scaled_up(missing: float, accepted: int, planned: int) -> float:
    """Number to plan so that `missing` are accepted, at the rate of `accepted` to `planned`."""
    rate = accepted / planned if planned else 1.0
    return max(missing, 0.0) / max(rate, LEAST_RATE)


def _equal_if_zero(weights: Sequence[float]) -> tuple[float, ...]:
    """The weights, or equal ones if all are 0."""
    return tuple(round(weight, 3) for weight in weights) if any(weights) else (1.0,) * len(weights)
