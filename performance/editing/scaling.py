"""Many workers against one, and what a run's own work costs an edit as the plan grows.

    python -m performance.editing.scaling

The generator sleeps, as if it worked on a GPU, so that processes share two cores as they would share a machine's.
Between the first and the last record of a wave, so that starting processes does not count.
"""

import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np

from builder.encoding.images import encode_image
from builder.run.directory import RunDirectory, base_path
from builder.run.planned_edit import encode_region, read_plan, write_plan
from generation.editing.chunk_claims import Claims
from generation.editing.executors.local import local_executor
from generation.editing.model_slot import release_model
from generation.editing.waves import FreeChunks, chunks
from generation.editing.worker import EditWave
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from performance.editing.sleeper import Sleeper, planned_edit
from performance.ratios import Result
from performance.sample_run import photograph, region

SIDE = 64
SECONDS = 1.5
"""What the generator takes an image: less than any real one at its native size."""

WORKERS = {2: 1.9, 8: 7.0, 64: 50.0}
"""Number of workers to how many times one worker's rate they have to reach."""

EDITS_A_WORKER = 16
PLANS = (1_000, 10_000, 100_000)
ROUNDS = 3


class SleepingWave(EditWave):
    """A wave whose workers load a generator that sleeps."""

    def run(self, data: None, rank: int = 0, world_size: int = 1) -> None:
        with patch.object(registry, "load", lambda *_, **__: Sleeper(SIDE, SECONDS)):
            super().run(data, rank, world_size)
            release_model()


def results() -> list[Result]:
    return [*scaling(), *bookkeeping()]


def scaling() -> list[Result]:
    """Edits per second of several workers over those of one."""
    one = _rate(1)
    found = []
    for workers, goal in WORKERS.items():
        rate = _rate(workers)
        detail = f"{rate:.2f} and {one:.2f} edits a second of {SIDE} px, {SECONDS:g} s of sleep each"
        found.append(Result(f"rate of {workers} workers / of one", rate / one, goal, False, detail))
    return found


def _rate(workers: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        _write_run(folder, workers * EDITS_A_WORKER)
        local_executor(SleepingWave(folder, 1, WorkerOptions(), session="one"), workers, f"{folder}/logs").run()
        times = sorted(path.stat().st_mtime for path in Path(folder, "turn-1").glob("*.json"))
    if len(times) != workers * EDITS_A_WORKER:
        raise RuntimeError(f"{len(times)} of {workers * EDITS_A_WORKER} edits were made")
    # the first record of each worker comes one sleep after it began
    return (len(times) - workers) / (times[-1] - statistics.median(times[:workers]))


def bookkeeping() -> list[Result]:
    """Seconds an edit that a worker spends on the plan, the waves and taking chunks, without any edit."""
    rounds = [[_seconds_an_edit(size) for size in PLANS] for _ in range(ROUNDS)]
    found = []
    for place, size in enumerate(PLANS[1:], start=1):
        ratio = statistics.median(times[place] / times[0] for times in rounds)
        each, first = (statistics.median(times[at] for times in rounds) * 1e6 for at in (place, 0))
        detail = f"{each:.0f} and {first:.0f} microseconds an edit"
        name = f"a run's own work per edit at {size:,} planned edits / at {PLANS[0]:,}"
        found.append(Result(name, ratio, 1.2, True, detail))
    return found


def _seconds_an_edit(size: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(folder)
        mask = encode_region(region(SIDE, np.random.default_rng(0)))
        write_plan(run, [planned_edit(f"{number:06d}", mask, SIDE) for number in range(size)])
        started = time.perf_counter()
        wave = chunks(read_plan(run), 1)
        claims, free, last = Claims(run, "one", 1, "0"), FreeChunks(wave), None
        while (number := free.next(claims.held(), last, 0)) is not None:
            claims.take(number)
            free.close(number)
            claims.drop(number)
            last = number
        return (time.perf_counter() - started) / size


def _write_run(folder: str, count: int) -> None:
    run = RunDirectory(folder)
    mask = encode_region(region(SIDE, np.random.default_rng(0)))
    picture = encode_image(photograph(0, SIDE))
    names = [f"{number:06d}" for number in range(count)]
    for name in names:
        run.write(base_path(name), picture)
    write_plan(run, [planned_edit(name, mask, SIDE) for name in names])


if __name__ == "__main__":
    for result in results():
        print(result)
