"""Rounds until enough images are accepted: each makes up for what discarding has taken from the balance.

RUN             the first round
RUN-round-2     the second, and so on: run directories like any other, on photographs that no earlier one took
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
"""A share of accepted images below this is taken to be this: one bad round is not to plan a hundredfold."""


@dataclass(frozen=True)
class Tally:
    """Images that were planned, or accepted.

    Attributes:
        images: how many.
        turns: those with one, two, ... turns.
        generators: (turn, generator) to edits.
        edit_types: edit type to edits.
        generated: those whose base was made from a caption.
    """

    images: int
    turns: Counter[int]
    generators: Counter[tuple[int, str]]
    edit_types: Counter[str]
    generated: int


@dataclass(frozen=True)
class RoundsReport:
    """What all rounds together hold.

    Attributes:
        runs: their run directories.
        target: accepted images that were wanted.
        planned: what was planned.
        accepted: what of it was accepted.
        used_up: why there was no further round though images are missing; None where none are.
    """

    runs: tuple[str, ...]
    target: int
    planned: Tally
    accepted: Tally
    used_up: str | None = None

    def lines(self) -> list[str]:
        """The report for people."""
        turns = "/".join(str(self.accepted.turns[turn]) for turn in sorted(self.planned.turns))
        lines = [
            f"rounds: {len(self.runs)}; {self.accepted.images} images accepted of {self.planned.images} edited, "
            f"{self.target} were wanted; {turns} with 1, 2, … turns"
        ]
        if self.used_up:
            lines.append(f"short: {self.target - self.accepted.images} images are missing: {self.used_up}")
        return lines + self._imbalances()

    def _imbalances(self) -> list[str]:
        """Where accepted edits are spread more widely than a fifth around the even share."""
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

    Started again, it goes on in the round that it had come to.

    Args:
        run_url: the run directory of the first round; those of the others are named after it.
        target: edited images wanted; at least 1.
        sources: the photographs.
        options: what fixes the first round's plan besides; `count` is not used.
        work: edits and scores a run.
        report_plan: is given each plan's report.
        client: see `generation.prepare.prepare.prepare_run`.
        painting: see there.

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
    """What some scored runs planned, and what of it was accepted."""
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
    except FileNotFoundError:  # an edit of it failed
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


# ── Making up for losses ──────────────────────────────────────────────────────────────────────────


def _next(
    options: PlanOptions, sources: SourceOptions, target: int, planned: Tally, accepted: Tally
) -> tuple[PlanOptions, SourceOptions]:
    """The options of a further round, so that with the same losses all would come out even."""
    weights = make_up(options, target, planned, accepted)
    missing = target - accepted.images
    generated = max(0.0, target * sources.generated_share - accepted.generated)
    share = min(1.0, generated / missing)
    wanted = max(missing, round(sum(weights.turns)))
    return (
        dataclasses.replace(options, count=wanted, unedited=0, weights=weights),
        dataclasses.replace(sources, generated_share=share),
    )


def make_up(options: PlanOptions, target: int, planned: Tally, accepted: Tally) -> Weights:
    """The shares of the round that makes up for what is missing: the missing images over the share that is
    accepted of their kind.

    Args:
        options: the generators among which the edits are shared.
        target: images wanted in all.
        planned: so far.
        accepted: of these.
    """
    most = max_turns(options)
    wanted = turn_targets(target, most)
    turns = [
        _over(wanted[turn - 1] - accepted.turns[turn], accepted.turns[turn], planned.turns[turn])
        for turn in range(1, most + 1)
    ]
    generators = []
    for turn in range(1, most + 1):
        share = sum(wanted[turn - 1 :]) / len(options.generators)
        keys = [(turn, settings.generator) for settings in options.generators]
        generators.append(
            [
                _over(share - accepted.generators[key], accepted.generators[key], planned.generators[key])
                for key in keys
            ]
        )
    edits = sum(length * images for length, images in enumerate(wanted, start=1)) / len(EDIT_TYPES)
    types = [
        _over(edits - accepted.edit_types[name], accepted.edit_types[name], planned.edit_types[name])
        for name in EDIT_TYPES
    ]
    return Weights(
        turns=_some([*turns, *[0.0] * (3 - most)]),
        generators=tuple(map(_some, generators)),
        edit_types=_some(types),
    )


def _over(missing: float, accepted: int, planned: int) -> float:
    """How many to plan for so many that are missing."""
    rate = accepted / planned if planned else 1.0
    return max(missing, 0.0) / max(rate, LEAST_RATE)


def _some(weights: Sequence[float]) -> tuple[float, ...]:
    """The weights, or equal ones where all are 0."""
    return tuple(round(weight, 3) for weight in weights) if any(weights) else (1.0,) * len(weights)
