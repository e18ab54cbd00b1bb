"""Streaming with `datasets`: against PNG, against bare pyarrow and Pillow, and what a filter reads over HTTP."""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from builder.dataset.shards import writer_options
from builder.packing.pack import PackOptions, pack
from cards.card import write_card
from diffseg30k import CONFIGS, HELD_OUT_PAIRS
from performance.ratios import Result, in_turn
from performance.sample_run import make_sample_run
from tests.hub_server import WRITE_TOKEN, HubServer

PIXELS = 1024
IMAGES = 64
HTTP_IMAGES = 420
ROUNDS = 5


def streaming_speed(folder: str) -> list[Result]:
    """Rows of `semantic`, decoded to arrays, per second."""
    ours, png = Path(folder, "ours"), Path(folder, "png")
    make_sample_run(f"{folder}/run", IMAGES, PIXELS)
    pack(f"{folder}/run", str(ours), PackOptions(progress=False))
    write_card(str(ours))
    _with_png_images(ours, png)
    stream = datasets.load_dataset(str(ours), "semantic", split="train", streaming=True)
    png_stream = datasets.load_dataset(str(png), "semantic", split="train", streaming=True)
    shards = _shards(ours, "semantic", "train")
    rows = sum(pq.read_metadata(shard).num_rows for shard in shards)
    against_png, png_s, ours_s = in_turn(lambda: _decode(png_stream), lambda: _decode(stream), ROUNDS)
    against_bare, _, bare_s = in_turn(lambda: _decode(stream), lambda: _decode_bare(shards), ROUNDS)
    what = f"{rows} rows of {PIXELS} px"
    return [
        Result(
            "time of streaming semantic with PNG images / as it is",
            against_png,
            1.5,
            False,
            f"{what}: {png_s / rows * 1e3:.1f} and {ours_s / rows * 1e3:.1f} ms a row",
        ),
        Result(
            "time of streaming semantic / of pyarrow and Pillow on the same shards",
            against_bare,
            1.15,
            True,
            f"{what}: {ours_s / rows * 1e3:.1f} and {bare_s / rows * 1e3:.1f} ms a row",
        ),
    ]


def _decode(stream: datasets.IterableDataset) -> None:
    for row in stream:
        np.asarray(row["image"])
        np.asarray(row["semantic_mask"])


def _decode_bare(shards: list[Path]) -> None:
    for shard in shards:
        with pq.ParquetFile(shard) as file:
            for index in range(file.num_row_groups):
                for row in file.read_row_group(index, columns=list(CONFIGS["semantic"].columns or ())).to_pylist():
                    np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
                    np.asarray(Image.open(io.BytesIO(row["semantic_mask"]["bytes"])))


def _shards(dataset: Path, config: str, split: str) -> list[Path]:
    return [
        shard for place in CONFIGS[config].splits[split] for shard in sorted((dataset / place).glob("*.parquet"))
    ]


def _with_png_images(dataset: Path, out: Path) -> None:
    """The same dataset with its images as PNG, at Pillow's default level."""
    shutil.copytree(dataset, out)
    for shard in out.rglob("*.parquet"):
        table = pq.read_table(shard)
        images = [{"bytes": _png(image["bytes"]), "path": None} for image in table["image"].to_pylist()]
        index = table.schema.get_field_index("image")
        column = pa.array(images, table.schema.field("image").type)
        table = table.set_column(index, table.schema.field("image"), column)
        with pq.ParquetWriter(shard, table.schema, **writer_options(table.schema)) as writer:
            writer.write_table(table, row_group_size=PackOptions().rows_per_group)


def _png(webp: bytes) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(webp)).save(out, "PNG")
    return out.getvalue()


def held_out_traffic(folder: str) -> list[Result]:
    """Bytes that a Hub sends for the train split of each held-out config, against the bytes of its rows' columns.

    The dataset is pushed to a Hub server on the loopback, and a process of its own streams it by name.
    """
    out = Path(folder, "out")
    make_sample_run(f"{folder}/run", HTTP_IMAGES, PIXELS)
    pack(f"{folder}/run", str(out), PackOptions(progress=False))
    with HubServer(f"{folder}/hub") as server:
        environment = os.environ | {"HF_ENDPOINT": server.endpoint, "HF_HUB_DISABLE_XET": "1", "USE_TORCH": "0"}
        environment["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        own = {"HF_TOKEN": WRITE_TOKEN, "HF_HOME": f"{folder}/home"}
        subprocess.run([sys.executable, "-c", _PUSH, str(out), _NAME], env=environment | own, check=True)
        return [_traffic(server, out, f"binary-heldout-{pair}", environment | own) for pair in HELD_OUT_PAIRS]


_NAME = "maker/diffseg30k"

_PUSH = """
import sys
from builder.hub.push import PushOptions, push
from cards.card import write_card
push(*sys.argv[1:], lambda there, local: write_card(there, pictures_from=local), PushOptions(progress=False))
"""

_STREAM = """
import sys
from datasets import load_dataset
print(sum(1 for _ in load_dataset(sys.argv[1], sys.argv[2], split="train", streaming=True).decode(False)))
"""


def _traffic(server: HubServer, dataset: Path, config: str, environment: dict[str, str]) -> Result:
    shards = _shards(dataset, config, "train")
    server.requests.clear()
    command = [sys.executable, "-c", _STREAM, _NAME, config]
    printed = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    sent = sum(request.sent for request in server.requests)
    wanted = sum(_bytes_of(row) for shard in shards for row in _rows(shard, config))
    everything = sum(shard.stat().st_size for shard in shards)
    return Result(
        f"bytes that {config} reads over HTTP / bytes of its rows",
        sent / wanted,
        1.3,
        True,
        f"{int(printed)} rows, {wanted / 1e6:.0f} MB of shards of {everything / 1e6:.0f} MB: "
        f"{sent / 1e6:.0f} MB sent",
    )


def _rows(shard: Path, config: str) -> Iterator[dict]:
    view = CONFIGS[config]
    yield from pq.read_table(shard, columns=list(view.columns or ()), filters=view.filters).to_pylist()


def _bytes_of(row: dict) -> int:
    return len(row["id"]) + len(row["image"]["bytes"]) + len(row["binary_mask"]["bytes"])


def results() -> list[Result]:
    found = []
    for measure in (streaming_speed, held_out_traffic):
        with tempfile.TemporaryDirectory() as folder:
            found += measure(folder)
    return found


if __name__ == "__main__":
    for result in results():
        print(result)
