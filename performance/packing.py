"""Packing against bare pyarrow, and its memory against the number of rows."""

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from builder.dataset.shards import writer_options
from builder.packing.pack import PackOptions, pack
from diffseg30k import features
from performance.ratios import Result, in_turn
from performance.sample_run import make_sample_run

PIXELS = 1024
IMAGES = 192
ROUNDS = 7
FEW, MANY, MEMORY_PIXELS = 1000, 4000, 256


def packing_rate(folder: str) -> Result:
    """The time of packing a run, against pyarrow writing the same bytes: it has the rows in memory."""
    run, out, bare = (os.path.join(folder, name) for name in ("run", "packed", "bare"))
    make_sample_run(run, IMAGES, PIXELS)
    pack(run, out, PackOptions(progress=False))
    shards = _row_groups(out)

    def ours() -> None:
        shutil.rmtree(out)
        pack(run, out, PackOptions(progress=False))

    def theirs() -> None:
        shutil.rmtree(bare, ignore_errors=True)
        for path, groups in shards.items():
            target = os.path.join(bare, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with pq.ParquetWriter(target, groups[0].schema, **writer_options(groups[0].schema)) as writer:
                for group in groups:
                    writer.write_table(group)

    ratio, theirs_s, ours_s = in_turn(theirs, ours, ROUNDS)
    if not all(filecmp.cmp(os.path.join(out, path), os.path.join(bare, path), shallow=False) for path in shards):
        raise AssertionError("the files differ, so their times cannot be compared")
    size = sum(os.path.getsize(os.path.join(out, path)) for path in shards) / 1e6
    return Result(
        "rate of packing / rate of bare pyarrow writing the same rows",
        ratio,
        0.7,
        False,
        f"{IMAGES} rows of {PIXELS} px, {size:.0f} MB: {size / ours_s:.0f} MB/s and {size / theirs_s:.0f} MB/s",
    )


def _row_groups(out: str) -> dict[str, list[pa.Table]]:
    """Path of each shard to its row groups, each in one piece of memory."""
    root = Path(out)
    schema = features().arrow_schema
    shards = {}
    for path in sorted(root.rglob("*.parquet")):
        with pq.ParquetFile(path) as shard:
            groups = [shard.read_row_group(index) for index in range(shard.num_row_groups)]
        shards[str(path.relative_to(root))] = [group.cast(schema).combine_chunks() for group in groups]
    return shards


def packing_memory(folder: str) -> Result:
    """The peak memory of a process that packs many rows, against one that packs a quarter of them."""
    peaks = {}
    for images in (FEW, MANY):
        run = os.path.join(folder, f"run-{images}")
        make_sample_run(run, images, MEMORY_PIXELS)
        peaks[images] = _peak_megabytes(run, os.path.join(folder, f"packed-{images}"))
        shutil.rmtree(run)
    return Result(
        f"peak memory of packing {MANY} rows / {FEW} rows",
        peaks[MANY] / peaks[FEW],
        1.2,
        True,
        f"rows of {MEMORY_PIXELS} px: {peaks[MANY]:.0f} MB and {peaks[FEW]:.0f} MB",
    )


_PACK = """
import resource, sys
from builder.packing.pack import PackOptions, pack
from builder.dataset.shards import writer_options
pack(sys.argv[1], sys.argv[2], PackOptions(progress=False))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _peak_megabytes(run: str, out: str) -> float:
    finished = subprocess.run([sys.executable, "-c", _PACK, run, out], capture_output=True, text=True, check=True)
    return int(finished.stdout) / 1024


def results() -> list[Result]:
    found = []
    for measure in (packing_rate, packing_memory):
        with tempfile.TemporaryDirectory() as folder:
            found.append(measure(folder))
    return found


if __name__ == "__main__":
    for result in results():
        print(result)
