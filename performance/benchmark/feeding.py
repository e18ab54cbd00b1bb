"""How well two workers and a cache feed a network whose step takes 50 ms, in batches of 16 at 512 pixels."""

import statistics
import tempfile
import time
from dataclasses import replace

from benchmark.data.cache import CacheOptions, CacheSource, cached_rows
from benchmark.data.dataset import load_rows
from benchmark.data.feed import FeedOptions, train_batches
from benchmark.models.recipes import RECIPES, Recipe
from builder.packing.pack import PackOptions, pack
from performance.ratios import Result
from performance.sample_run import make_sample_run

IMAGES, PIXELS = 96, 1024
SIDE, BATCH, WORKERS = 512, 16, 2
STEP = 0.05
"""What the network takes a batch, in seconds; it uses no core of the processor, like one on a GPU."""

STEPS, FIRST = 60, 15
"""Steps that are run, and the first of them that count: at the start the workers are ahead."""


def results() -> list[Result]:
    recipe = replace(RECIPES["deeplabv3plus"], batch_size=BATCH, steps=STEPS)
    plain = replace(recipe, scale=(1.0, 1.0))
    with tempfile.TemporaryDirectory() as folder:
        make_sample_run(f"{folder}/run", IMAGES, PIXELS)
        dataset = f"{folder}/dataset"
        pack(f"{folder}/run", dataset, PackOptions(progress=False))
        rows = load_rows(dataset, "binary", "train")
        source = CacheSource(dataset, "binary", "segmentation", SIDE)
        kept = cached_rows(rows, source, CacheOptions(f"{folder}/cache", WORKERS, progress=False))
        return [
            _result("with the cache", kept, recipe, 1.10),
            _result("with the cache, not scaled at random", kept, plain, 1.10),
            _result("without the cache", rows, recipe, float("inf")),
        ]


def _result(name: str, rows, recipe: Recipe, goal: float) -> Result:
    options = FeedOptions("binary", recipe, SIDE, seed=0, workers=WORKERS)
    ends = []
    for _ in train_batches(rows, options):
        time.sleep(STEP)
        ends.append(time.perf_counter())
    steps = [after - before for before, after in zip(ends[FIRST:], ends[FIRST + 1 :], strict=False)]
    mean = statistics.fmean(steps)
    return Result(
        f"time of a step {name} / of a step alone",
        mean / STEP,
        goal,
        True,
        f"{BATCH} images of {SIDE} px, {WORKERS} workers: {mean * 1e3:.0f} ms, {BATCH / mean:.0f} images a second",
    )


if __name__ == "__main__":
    for result in results():
        print(result, flush=True)
