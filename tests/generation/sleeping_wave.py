"""A wave of workers whose generator sleeps a little, for processes that are to be killed: it needs no weights."""

from unittest.mock import patch

from benchmarks.sleeper import Sleeper
from generation import worker
from generation.executors import local
from generation.executors.options import ExecutorOptions
from generation.generators import registry
from generation.run import generate
from generation.worker_options import WorkerOptions

SIDE = 64
SECONDS = 0.1
WORKERS = 2

EditWave = worker.EditWave


class SleepingWave(EditWave):
    def run(self, data: None, rank: int = 0, world_size: int = 1) -> None:
        with patch.object(registry, "load", lambda *_, **__: Sleeper(SIDE, SECONDS)):
            super().run(data, rank, world_size)


def generate_asleep(run: str) -> None:
    """`generate` with two worker processes."""
    with patch.object(worker, "EditWave", SleepingWave), patch.object(local, "PRELOADED", ("generation.worker",)):
        generate(run, WorkerOptions(), ExecutorOptions(workers=WORKERS))
