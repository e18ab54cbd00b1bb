"""The Hub: images per second out of a DataLoader against other formats, the time to a row, and a push.

Images per second are counted from the first batch on; the time to that batch is a number of its own.

All datasets hold the same images and masks; those of the others are PNG, at Pillow's default level. Two workers
decode everything to arrays. Ours and webdataset's come from servers on the loopback; mosaicml-streaming has no
downloader for http:// and copies its shards from a folder, and the zip archive is a local file. Needs `webdataset`
and `mosaicml-streaming`; what is missing is named and left out.
"""

import functools
import http.server
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pyarrow.parquet as pq
from PIL import Image

from builder.packing.pack import PackOptions, pack
from cards.card import write_card
from diffseg30k import CONFIGS
from performance.ratios import Result, seconds
from performance.sample_run import make_sample_run
from tests.hub_server import WRITE_TOKEN, HubServer

PIXELS = 512
IMAGES = 480
SHARD_BYTES = 8_000_000
ROWS_PER_SHARD = 24
ROUNDS = 3
BATCH = 8
NAME = "maker/diffseg30k"


@dataclass(frozen=True)
class Copies:
    """Where the same rows lie, in each form.

    Attributes:
        ours: the packed dataset.
        tar: folder of webdataset shards.
        mds: folder of mosaicml-streaming shards, or None where the package is missing.
        zip: the published layout.
        rows: how many rows each has.
    """

    ours: Path
    tar: Path
    mds: Path | None
    zip: Path
    rows: int


def make_copies(folder: Path) -> Copies:
    make_sample_run(f"{folder}/run", IMAGES, PIXELS)
    ours = folder / "ours"
    pack(f"{folder}/run", str(ours), PackOptions(shard_bytes=SHARD_BYTES, progress=False))
    write_card(str(ours))
    rows = [(f"{index:08d}", *pictures) for index, pictures in enumerate(_png_pairs(ours))]
    (folder / "served").mkdir()
    _write_tar(folder / "served" / "tar", rows)
    mds = folder / "served" / "mds" if find_spec("streaming") else None
    if mds:
        _write_mds(mds, rows)
    with zipfile.ZipFile(folder / "train.zip", "w") as archive:
        for name, image, mask in rows:
            archive.writestr(f"train/{name}.image.png", image)
            archive.writestr(f"train/{name}.mask.png", mask)
    return Copies(ours, folder / "served" / "tar", mds, folder / "train.zip", len(rows))


def _png_pairs(ours: Path) -> Iterator[tuple[bytes, bytes]]:
    for place in CONFIGS["semantic"].splits["train"]:
        for shard in sorted((ours / place).glob("*.parquet")):
            for row in pq.read_table(shard, columns=["image", "semantic_mask"]).to_pylist():
                yield _png(row["image"]["bytes"]), _png(row["semantic_mask"]["bytes"])


def _png(encoded: bytes) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(encoded)).save(out, "PNG")
    return out.getvalue()


def _write_tar(folder: Path, rows: list[tuple[str, bytes, bytes]]) -> None:
    folder.mkdir()
    for start in range(0, len(rows), ROWS_PER_SHARD):
        with tarfile.open(folder / f"{start // ROWS_PER_SHARD:04d}.tar", "w") as tar:
            for name, image, mask in rows[start : start + ROWS_PER_SHARD]:
                for suffix, content in (("image.png", image), ("mask.png", mask)):
                    member = tarfile.TarInfo(f"{name}.{suffix}")
                    member.size = len(content)
                    tar.addfile(member, io.BytesIO(content))


def _write_mds(folder: Path, rows: list[tuple[str, bytes, bytes]]) -> None:
    from streaming import MDSWriter

    columns = {"id": "str", "image": "bytes", "mask": "bytes"}
    with MDSWriter(out=str(folder), columns=columns, size_limit=SHARD_BYTES) as writer:
        for name, image, mask in rows:
            writer.write({"id": name, "image": image, "mask": mask})


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        pass


# ── Reading ───────────────────────────────────────────────────────────────────────────────────────

READ = {
    "ours": (
        "from datasets import load_dataset",
        """
rows = load_dataset(place, "semantic", split="train", streaming=True)
rows = rows.map(lambda row: arrays(row["image"], row["semantic_mask"]), remove_columns=["semantic_mask"])
""",
    ),
    "tar": (
        "import webdataset",
        """
rows = webdataset.WebDataset(place.split(), shardshuffle=False, empty_check=False)
rows = rows.map(lambda row: {"id": row["__key__"]} | opened(row["image.png"], row["mask.png"]))
""",
    ),
    "mds": (
        "import tempfile; from streaming import StreamingDataset",
        """
class Rows(StreamingDataset):
    def __getitem__(self, index):
        row = super().__getitem__(index)
        return {"id": row["id"]} | opened(row["image"], row["mask"])
rows = Rows(remote=place, local=tempfile.mkdtemp(), shuffle=False, batch_size=8)
""",
    ),
    "zip": (
        "import torch, zipfile",
        """
class Rows(torch.utils.data.Dataset):
    archive = None
    def __init__(self):
        with zipfile.ZipFile(place) as archive:
            self.names = [name[:-10] for name in archive.namelist() if name.endswith(".image.png")]
    def __len__(self):
        return len(self.names)
    def __getitem__(self, index):
        self.archive = self.archive or zipfile.ZipFile(place)
        name = self.names[index]
        return {"id": name} | opened(self.archive.read(f"{name}.image.png"), self.archive.read(f"{name}.mask.png"))
rows = Rows()
""",
    ),
}
"""Of each form what it imports, and what makes `rows` of it: a dataset of arrays, of what `place` names."""

_BEFORE = """
import io, json, sys, time
import numpy as np
from PIL import Image
from torch.utils.data import DataLoader
place = sys.argv[1]
def arrays(image, mask):
    return {"image": np.asarray(image), "mask": np.asarray(mask)}
def opened(image, mask):
    return arrays(*(Image.open(io.BytesIO(each)) for each in (image, mask)))
"""

_START = """
start = time.perf_counter()
"""

_AFTER = """
count, first = 0, None
for batch in DataLoader(rows, batch_size=8, num_workers=2, collate_fn=list):
    first = first or time.perf_counter() - start
    count += len(batch)
print(json.dumps([count, first, time.perf_counter() - start]))
"""


@dataclass(frozen=True)
class Reading:
    """One reading of all rows, in seconds since the dataset was about to be opened."""

    first: float
    whole: float

    @property
    def after_first(self) -> float:
        """Seconds from the first batch to the last."""
        return self.whole - self.first


def read(form: str, place: str, rows: int, environment: dict[str, str]) -> Reading:
    """Reads a copy in a process of its own, which has cached nothing.

    Raises:
        AssertionError: it has another number of rows.
    """
    with tempfile.TemporaryDirectory() as home:
        imports, opening = READ[form]
        command = [sys.executable, "-c", _BEFORE + imports + _START + opening + _AFTER, place]
        own = environment | {"HF_HOME": home}
        printed = subprocess.run(command, env=own, check=True, stdout=subprocess.PIPE, text=True).stdout
    count, first, whole = json.loads(printed.splitlines()[-1])
    assert count == rows, f"{form} has {count} rows of {rows}"
    return Reading(first, whole)


def reading_speed(copies: Copies, places: dict[str, str], environment: dict[str, str]) -> list[Result]:
    """Images per second, and the time to the first batch, against each other form."""
    found: dict[str, list[Reading]] = {form: [] for form in places}
    for round_ in range(ROUNDS + 1):
        for form, place in places.items():
            reading = read(form, place, copies.rows, environment)
            if round_:  # the first warms the file cache
                found[form].append(reading)
    goals = {"tar": 1.5, "mds": 1.0, "zip": 1.5}
    results = []
    for form in (form for form in places if form != "ours"):
        pairs = list(zip(found["ours"], found[form], strict=True))
        speed = statistics.median(other.after_first / ours.after_first for ours, other in pairs)
        whole = statistics.median(other.whole / ours.whole for ours, other in pairs)
        first = statistics.median(ours.first / other.first for ours, other in pairs)
        ours, other = (
            (copies.rows - BATCH) / statistics.median(each.after_first for each in found[one])
            for one in ("ours", form)
        )
        detail = f"{copies.rows} rows of {PIXELS} px: {ours:.0f} and {other:.0f} a second; {whole:.2f} in all"
        results.append(Result(f"images a second / those of {form}", speed, goals[form], False, detail))
        ours, other = (statistics.median(each.first for each in found[one]) for one in ("ours", form))
        detail = f"{ours:.2f} and {other:.2f} s"
        results.append(Result(f"time to the first batch / that of {form}", first, 1.0, True, detail))
    return results


# ── Pushing ───────────────────────────────────────────────────────────────────────────────────────

_BARE = """
import sys
from huggingface_hub import HfApi
api = HfApi()
api.create_repo(sys.argv[2], repo_type="dataset")
api.upload_folder(repo_id=sys.argv[2], folder_path=sys.argv[1], repo_type="dataset")
"""

_PUSH = """
import sys
from builder.hub.push import PushOptions, push
from cards.card import write_card
push(*sys.argv[1:], lambda there, local: write_card(there, pictures_from=local), PushOptions(progress=False))
"""


def push_speed(ours: Path, environment: dict[str, str]) -> Result:
    """A push to a new repository, against `upload_folder` of the same folder, each in a process of its own."""

    def send(script: str, name: str) -> Callable[[], object]:
        command = [sys.executable, "-c", script, str(ours), name]
        return lambda: subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)

    times = []
    for round_ in range(ROUNDS + 1):
        pair = [seconds(send(_PUSH, f"maker/ours-{round_}")), seconds(send(_BARE, f"maker/bare-{round_}"))]
        if round_:
            times.append(pair)
    size = sum(file.stat().st_size for file in ours.rglob("*.parquet")) / 1e6
    ours_s, bare_s = (statistics.median(pair[index] for pair in times) for index in (0, 1))
    return Result(
        "time of push / of huggingface_hub.upload_folder of the same folder",
        statistics.median(one / other for one, other in times),
        1.1,
        True,
        f"{size:.0f} MB: {ours_s:.1f} and {bare_s:.1f} s, with starting Python",
    )


def results() -> list[Result]:
    with tempfile.TemporaryDirectory() as name, HubServer(f"{name}/hub") as server:
        folder = Path(name)
        environment = os.environ | {"HF_ENDPOINT": server.endpoint, "HF_TOKEN": WRITE_TOKEN}
        environment |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HOME": f"{name}/home"}
        copies = make_copies(folder)
        subprocess.run([sys.executable, "-c", _PUSH, str(copies.ours), NAME], env=environment, check=True)
        handler = functools.partial(_Quiet, directory=str(folder / "served"))
        plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=plain.serve_forever, daemon=True).start()
        try:
            places = _places(copies, f"http://127.0.0.1:{plain.server_port}")
            found = reading_speed(copies, places, environment)
        finally:
            plain.shutdown()
            plain.server_close()
        return [*found, push_speed(copies.ours, environment)]


def _places(copies: Copies, url: str) -> dict[str, str]:
    places = {"ours": NAME, "zip": str(copies.zip)}
    if find_spec("webdataset"):
        places["tar"] = " ".join(f"{url}/tar/{shard.name}" for shard in sorted(copies.tar.iterdir()))
    else:
        print("webdataset is missing: pip install webdataset", file=sys.stderr)
    if copies.mds:
        # it has no downloader for http://, so it reads a folder, which costs it less
        places["mds"] = str(copies.mds)
    else:
        print("mosaicml-streaming is missing: pip install mosaicml-streaming", file=sys.stderr)
    return places


if __name__ == "__main__":
    for result in results():
        print(result)
