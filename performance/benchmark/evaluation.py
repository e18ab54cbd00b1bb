"""What an evaluation costs beside reading and decoding its rows, with a detector that does nothing."""

import io
import tempfile
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from benchmark.evaluation.evaluate import EvaluateOptions, evaluate
from builder.packing.pack import PackOptions, pack
from diffseg30k import CONFIGS
from performance.ratios import Result, in_turn
from performance.sample_run import make_sample_run

IMAGES = 200
MADE = 300
"""Enough for so many of them to be on the train side of the 8:2."""

SIDE = 512
ROUNDS = 5


def nothing(images: list[np.ndarray]) -> list[np.ndarray]:
    """Finds no edit anywhere."""
    return [np.zeros(image.shape[:2], np.uint8) for image in images]


def results() -> list[Result]:
    with tempfile.TemporaryDirectory() as folder:
        make_sample_run(f"{folder}/run", MADE, SIDE)
        dataset = f"{folder}/dataset"
        pack(f"{folder}/run", dataset, PackOptions(progress=False))
        return [_result(dataset, config, f"{folder}/results") for config in ("binary", "semantic")]


def _result(dataset: str, config: str, out: str) -> Result:
    options = EvaluateOptions(
        f"{__file__}:nothing", out, dataset, config, split="train", conditions=("clean",), count=IMAGES,
        examples=0, device="cpu", progress=False,
    )  # fmt: skip
    ratio, ours, bare = in_turn(lambda: evaluate(options), lambda: _decode_bare(dataset, config), ROUNDS)
    return Result(
        f"time of evaluating {config}, with no detector / of reading and decoding",
        ratio,
        1.25,
        True,
        f"{IMAGES} rows of {SIDE} px: {ours / IMAGES * 1e3:.1f} and {bare / IMAGES * 1e3:.1f} ms a row",
    )


def _decode_bare(dataset: str, config: str) -> None:
    view = CONFIGS[config]
    shards = [shard for place in view.splits["train"] for shard in sorted(Path(dataset, place).glob("*.parquet"))]
    truth = "binary_mask" if config == "binary" else "semantic_mask"
    for row in islice(_rows(shards, ["image", truth]), IMAGES):
        np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB"))
        np.asarray(Image.open(io.BytesIO(row[truth]["bytes"])))


def _rows(shards: list[Path], columns: list[str]):
    for shard in shards:
        with pq.ParquetFile(shard) as file:
            for batch in file.iter_batches(16, columns=columns):
                yield from batch.to_pylist()


if __name__ == "__main__":
    for result in results():
        print(result, flush=True)
