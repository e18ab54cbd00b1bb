"""A wave of workers whose generator sleeps a little, for processes that are to be killed: it needs no weights."""

import os
from unittest.mock import patch

from generation.editing import worker
from generation.editing.executors import local
from generation.editing.executors.options import ExecutorOptions
from generation.editing.run import generate
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from performance.editing.sleeper import Sleeper

SIDE = 64
SECONDS = float(os.environ.get("TESTS_SECONDS_AN_EDIT", "0.02"))
"""What an edit takes, also in worker processes."""

WORKERS = 2

EditWave = worker.EditWave


class SleepingWave(EditWave):
    def run(self, data: None, rank: int = 0, world_size: int = 1) -> None:
        with (
            patch.object(registry, "load", lambda *_, **__: Sleeper(SIDE, SECONDS)),
            patch("torch.cuda.device_count", lambda: 2),
            patch("torch.cuda.get_device_name", lambda _: "A GPU"),
            patch("torch.cuda.mem_get_info", lambda _: (2**36, 2**36)),
        ):
            super().run(data, rank, world_size)


def generate_asleep(run: str, device: str = "cpu") -> None:
    """`generate` with two worker processes."""
    with (
        patch.object(worker, "EditWave", SleepingWave),
        patch.object(local, "PRELOAD", ("generation.editing.worker",)),
    ):
        generate(run, WorkerOptions(device), ExecutorOptions(workers=WORKERS))
