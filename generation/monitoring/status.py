"""Reads the progress of a run from its run directory, whichever machines carry it out."""

import contextlib
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from builder.run.directory import PLAN, RunDirectory
from builder.run.planned_edit import PlannedEdit, read_plan
from builder.run.planned_picture import read_pictures
from builder.run.records import count_loads, read_record
from diffseg30k import MAX_TURNS

SAMPLE = 100
"""Records per generator whose seconds are averaged; reading all records of a large run takes minutes."""


@dataclass(frozen=True)
class WaveStatus:
    """The progress of one turn.

    Attributes:
        turn: 1 to 3, or 0: base images that are painted from captions, instead of edits.
        planned: edits in the plan.
        finished: edits with a record.
        failed: edits whose last attempt failed.
        skipped: edits that cannot be made, because an earlier turn of their image failed.
    """

    turn: int
    planned: int
    finished: int
    failed: int
    skipped: int

    @property
    def waiting(self) -> int:
        return self.planned - self.finished - self.failed - self.skipped


@dataclass(frozen=True)
class GeneratorStatus:
    """The progress of one generator.

    Attributes:
        generator: its short id.
        planned, finished: numbers of edits.
        waiting: unfinished edits that are neither failed nor skipped.
        loads: how often a worker has loaded it.
        seconds: mean seconds of some finished edits; None if none is finished.
    """

    generator: str
    planned: int
    finished: int
    waiting: int
    loads: int
    seconds: float | None

    @property
    def edits_per_second(self) -> float | None:
        """Edits per second of one worker."""
        return 1 / self.seconds if self.seconds else None


@dataclass(frozen=True)
class RunStatus:
    """The progress of a run.

    Attributes:
        waves: one status per turn; turn 0 only where base images are painted.
        generators: one status per generator of the plan.
        seconds_left: seconds that one worker needs for the waiting edits; None while a generator has no finished
            edit.
        rate: recent edits per second of all workers together; None if none was finished in the window.
    """

    waves: tuple[WaveStatus, ...]
    generators: tuple[GeneratorStatus, ...]
    seconds_left: float | None
    rate: float | None

    @property
    def time_left(self) -> float | None:
        """Seconds until all waiting edits are finished at the present rate."""
        waiting = sum(wave.waiting for wave in self.waves)
        return waiting / self.rate if self.rate else (0.0 if not waiting else None)


def read_status(run_url: str, now: float, window: float = 600.0) -> RunStatus:
    """Reads the progress of a run.

    Args:
        run_url: a run directory with a plan, or whose base images are being painted.
        now: the present time in seconds since 1970.
        window: seconds over which the present rate is measured.

    Raises:
        FileNotFoundError: the run directory holds no plan, and no base images are being painted for one.
    """
    run = RunDirectory(run_url)
    pictures = _pictures(run)
    plan = [] if pictures and not run.exists(PLAN) else read_plan(run)
    finished = {turn: run.finished(turn) for turn in _turns()}
    failed = {turn: run.failed(turn) - finished[turn] for turn in _turns()}
    waves = (*pictures, *_waves(plan, finished, failed))
    generators = _generators(run, plan, finished, failed)
    return RunStatus(waves, generators, _seconds_left(generators), _rate(run, now, window))


def _pictures(run: RunDirectory) -> tuple[WaveStatus, ...]:
    planned = {picture.image for picture in read_pictures(run)}
    if not planned:
        return ()
    done = planned & run.finished(0)
    return (WaveStatus(0, len(planned), len(done), len(planned & run.failed(0) - done), skipped=0),)


def _turns() -> range:
    return range(1, MAX_TURNS + 1)


def _waves(
    plan: Sequence[PlannedEdit], finished: Mapping[int, set[str]], failed: Mapping[int, set[str]]
) -> tuple[WaveStatus, ...]:
    waves: list[WaveStatus] = []
    lost: set[str] = set()
    for turn in _turns():
        planned = {edit.image for edit in plan if edit.turn == turn}
        done, bad = planned & finished[turn], planned & failed[turn]
        skipped = (planned & lost) - done - bad
        waves.append(WaveStatus(turn, len(planned), len(done), len(bad), len(skipped)))
        lost |= bad
    return tuple(waves)


def _generators(
    run: RunDirectory,
    plan: Sequence[PlannedEdit],
    finished: Mapping[int, set[str]],
    failed: Mapping[int, set[str]],
) -> tuple[GeneratorStatus, ...]:
    planned: Counter[str] = Counter(edit.generator for edit in plan)
    lost = {turn: set().union(*(failed[before] for before in range(1, turn + 1))) for turn in _turns()}
    done: dict[str, list[PlannedEdit]] = defaultdict(list)
    waiting: Counter[str] = Counter()
    for edit in plan:
        if edit.image in finished[edit.turn]:
            done[edit.generator].append(edit)
        elif edit.image not in lost[edit.turn]:
            waiting[edit.generator] += 1
    loads = sum((count_loads(run, turn) for turn in _turns()), Counter())
    return tuple(
        GeneratorStatus(name, count, len(done[name]), waiting[name], loads[name], _seconds(run, done[name]))
        for name, count in sorted(planned.items())
    )


def _seconds(run: RunDirectory, edits: Sequence[PlannedEdit]) -> float | None:
    chosen = random.Random(0).sample(list(edits), min(SAMPLE, len(edits)))
    times = []
    for edit in chosen:
        with contextlib.suppress(ValueError, FileNotFoundError):  # truncated, or being rewritten
            times.append(read_record(run, edit.image, edit.turn).seconds)
    return mean(times) if times else None


def _seconds_left(generators: Sequence[GeneratorStatus]) -> float | None:
    left = [(each.waiting, each.seconds) for each in generators]
    if any(count and seconds is None for count, seconds in left):
        return None
    return float(sum(count * (seconds or 0) for count, seconds in left))


def _rate(run: RunDirectory, now: float, window: float) -> float | None:
    files = [pair for turn in _turns() for pair in run.times(f"turn-{turn}").items()]
    written = [time for name, time in files if name.endswith(".json") and time > now - window]
    if not written:
        return None
    return len(written) / max(now - min(written), 1.0)
