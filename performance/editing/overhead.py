"""What a run adds to its generators: reading, compositing, encoding and records, per edit."""

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np

from builder.encoding.images import encode_image
from builder.run.bases import Base, write_bases
from builder.run.directory import RunDirectory, base_path
from builder.run.planned_edit import encode_region, write_plan
from generation.editing.model_slot import release_model
from generation.editing.worker import EditWave
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.generators.pipelines.inpainter import InpaintRequest
from performance.editing.sleeper import Sleeper, planned_edit
from performance.ratios import Result, in_turn
from performance.sample_run import photograph, region

SIDE = 1024
SECONDS = 0.2
"""What the pipeline takes an image."""

EDITS = 48
BATCHES = (1, 4)
ROUNDS = 3


def results() -> list[Result]:
    return [_result(batch_size) for batch_size in BATCHES]


def _result(batch_size: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        pictures = _write_run(folder)
        ratio, ours, bare = in_turn(lambda: _run(folder, batch_size), lambda: _call(pictures, batch_size), ROUNDS)
    return Result(
        f"a run's time / its pipeline's, in batches of {batch_size}",
        ratio,
        1.10,
        True,
        f"{EDITS} edits of {SIDE} px, {SECONDS * 1000:.0f} ms each: {ours:.2f} s and {bare:.2f} s",
    )


def _write_run(folder: str) -> list[np.ndarray]:
    """A planned run of one turn; gives its base images."""
    run = RunDirectory(folder)
    rng = np.random.default_rng(0)
    pictures, edits, bases = [], [], []
    for number in range(EDITS):
        name = f"sample-{number:03d}"
        pictures.append(photograph(number % 8, SIDE))
        run.write(base_path(name), encode_image(pictures[-1]))
        bases.append(Base(name, name, name, "coco", None, None, None, None, 1))
        edits.append(planned_edit(name, encode_region(region(SIDE, rng)), SIDE))
    write_bases(run, bases)
    write_plan(run, edits)
    return pictures


def _run(folder: str, batch_size: int) -> None:
    """The wave as a worker carries it out, from its start to the last record."""
    run = RunDirectory(folder)
    for name in run.names("turn-1"):
        Path(folder, "turn-1", name).unlink()
    with patch.object(registry, "load", lambda *_, **__: Sleeper(SIDE, SECONDS)):
        EditWave(folder, 1, WorkerOptions(batch_size=batch_size), session=str(time.time_ns())).run(None)
        release_model()
    records = sum(name.endswith(".json") for name in run.names("turn-1"))
    if records != EDITS:
        raise RuntimeError(f"{records} of {EDITS} edits were made")


def _call(pictures: Sequence[np.ndarray], batch_size: int) -> None:
    """The pipeline alone."""
    sleeper, mask = Sleeper(SIDE, SECONDS), np.ones((SIDE, SIDE), bool)
    for at in range(0, len(pictures), batch_size):
        sleeper([InpaintRequest(each, mask, "", 0, 1, 1.0) for each in pictures[at : at + batch_size]])


if __name__ == "__main__":
    for result in results():
        print(result)
