"""Simulates a run on a cluster in virtual time, with the same waves, chunks and claims as a real run."""

import heapq
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from builder.run.planned_edit import PlannedEdit
from diffseg30k import MAX_TURNS
from generation.editing.waves import Chunk, FreeChunks, chunks


@dataclass(frozen=True)
class Cluster:
    """The workers of a simulated cluster: their number, stragglers and crashes.

    Attributes:
        workers: number of workers.
        batch_size: edits per batch.
        straggler_share: share of slow workers, 0 to 1.
        straggler_factor: how many times as long an edit takes on a slow worker.
        crashes_per_hour: mean crashes of one worker per hour; the batch in progress is lost.
        restart_seconds: time until a crashed worker continues.
        seed: seed of all random draws.
    """

    workers: int
    batch_size: int = 1
    straggler_share: float = 0.0
    straggler_factor: float = 3.0
    crashes_per_hour: float = 0.0
    restart_seconds: float = 120.0
    seed: int = 0


@dataclass
class Simulated:
    """The result of a simulated run.

    Attributes:
        seconds: from the start of the first wave to the end of the last.
        busy_seconds: seconds of all workers together spent on edits and loads, those lost in crashes included.
        made: number of edits made; an edit that two workers made counts twice.
        loads: number of model loads.
        crashes: number of worker crashes.
    """

    seconds: float = 0.0
    busy_seconds: float = 0.0
    made: int = 0
    loads: int = 0
    crashes: int = 0
    finished: set[tuple[str, int]] = field(default_factory=set, repr=False)


def simulate(
    plan: Sequence[PlannedEdit], edit_seconds: Mapping[str, float], load_seconds: float, cluster: Cluster
) -> Simulated:
    """Simulates making all edits of a plan.

    Args:
        plan: the planned edits.
        edit_seconds: seconds per edit by generator.
        load_seconds: seconds to load a generator.
        cluster: the workers.

    Raises:
        ValueError: a generator of the plan is missing in `edit_seconds`, or crashes are so frequent that no batch
            would be finished.
    """
    if missing := {edit.generator for edit in plan} - set(edit_seconds):
        raise ValueError(f"how long an edit takes is not known for {', '.join(sorted(missing))}")
    done, rng = Simulated(), random.Random(cluster.seed)
    _check_crashes(edit_seconds, load_seconds, cluster)
    speeds = [
        cluster.straggler_factor if rng.random() < cluster.straggler_share else 1.0 for _ in range(cluster.workers)
    ]
    for turn in range(1, MAX_TURNS + 1):
        while _left(wave := chunks(plan, turn), done):  # repeated until every edit is made, as in a run
            _simulate_wave(wave, edit_seconds, load_seconds, cluster, speeds, rng, done)
    return done


HOPELESS = 0.99
"""Probability of a crash within one batch above which a run is refused as endless."""


def _crash_chance(cluster: Cluster, seconds: float) -> float:
    """Probability of a crash within `seconds`, by a Poisson process."""
    return 1 - math.exp(-cluster.crashes_per_hour * seconds / 3600)


def _check_crashes(edit_seconds: Mapping[str, float], load_seconds: float, cluster: Cluster) -> None:
    slowest = max(edit_seconds.values(), default=0.0) * cluster.batch_size
    slowest *= cluster.straggler_factor if cluster.straggler_share else 1.0
    if _crash_chance(cluster, load_seconds + slowest) > HOPELESS:
        raise ValueError(
            f"{cluster.crashes_per_hour:g} crashes an hour: a load and a batch take "
            f"{load_seconds + slowest:.0f} s, so no worker would get through one; give fewer crashes"
        )


def _left(wave: Sequence[Chunk], done: Simulated) -> bool:
    return any((edit.image, edit.turn) not in done.finished for chunk in wave for edit in chunk.edits)


@dataclass
class _Step:
    """The next step of a worker: one batch, and before it a model load if another generator was in memory."""

    edits: list[PlannedEdit]
    loads: bool


def _simulate_wave(
    wave: Sequence[Chunk],
    edit_seconds: Mapping[str, float],
    load_seconds: float,
    cluster: Cluster,
    speeds: Sequence[float],
    rng: random.Random,
    done: Simulated,
) -> None:
    workers = min(cluster.workers, len(wave))
    claims: dict[int, int] = {}
    free = FreeChunks(wave)
    for number, chunk in enumerate(wave):
        if not _open(chunk, done):
            free.close(number)
    steps = [_steps(wave, worker, workers, cluster.batch_size, free, claims, done) for worker in range(workers)]
    events: list[tuple[float, int, _Step | None]] = [(done.seconds, worker, None) for worker in range(workers)]
    heapq.heapify(events)
    while events:
        now, worker, ended = heapq.heappop(events)
        if ended:
            done.finished |= {(edit.image, edit.turn) for edit in ended.edits}
            done.seconds = max(done.seconds, now)
        step = next(steps[worker], None)
        if step is None:
            continue
        took = sum(edit_seconds[edit.generator] for edit in step.edits) * speeds[worker]
        took += load_seconds if step.loads else 0.0
        done.loads += step.loads
        if rng.random() < _crash_chance(cluster, took):
            lost = rng.random() * took
            done.crashes += 1
            done.busy_seconds += lost
            steps[worker] = _steps(wave, worker, workers, cluster.batch_size, free, claims, done)
            heapq.heappush(events, (now + lost + cluster.restart_seconds, worker, None))
            continue
        done.made += len(step.edits)
        done.busy_seconds += took
        heapq.heappush(events, (now + took, worker, step))


def _open(chunk: Chunk, done: Simulated) -> list[PlannedEdit]:
    return [edit for edit in chunk.edits if (edit.image, edit.turn) not in done.finished]


def _steps(
    wave: Sequence[Chunk],
    worker: int,
    workers: int,
    batch_size: int,
    free: FreeChunks,
    claims: dict[int, int],
    done: Simulated,
) -> Iterator[_Step]:
    """The steps of `worker.EditWave`, one batch at a time. A worker that crashed takes the same chunk again."""
    last = None
    start = len(wave) * worker // workers
    while True:
        held = {number for number, other in claims.items() if other != worker}
        number = free.next(held, last, start)
        if number is None:
            return
        claims[number] = worker
        edits = _open(wave[number], done)
        for at in range(0, len(edits), batch_size):
            batch = edits[at : at + batch_size]
            loads = at == 0 and (last is None or _model(wave[last]) != _model(wave[number]))
            yield _Step(batch, loads)
        free.close(number)
        claims.pop(number, None)
        last = number


def _model(chunk: Chunk) -> tuple[str, str, str | None]:
    edit = chunk.edits[0]
    return edit.generator, edit.checkpoint, edit.lora
