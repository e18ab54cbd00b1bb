"""Keeps the rows of a training at its size, so that no epoch decodes and resizes large images.

`FOLDER/KEY/rows.arrow` holds the rows, images as lossless WebP; `cache.json` beside it says of what, and its
SHA-256. KEY has a digest of what the rows depend on.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset

from benchmark.data.dataset import TRUTH_COLUMNS, Sample, decode, task_of
from benchmark.data.preparation import fit
from benchmark.data.revision import dataset_revision, state_of_shards
from benchmark.models.recipes import Preparation
from builder.encoding.images import encode_image
from builder.encoding.json_document import JsonDocument
from builder.encoding.whole_file import UNFINISHED, whole_folder, write_whole

ROWS, DESCRIPTION = "rows.arrow", "cache.json"
FORMAT = 1
BATCH = 16
"""Rows that are written at a time."""


@dataclass(frozen=True)
class CacheSource:
    """What the rows of a cache depend on.

    Attributes:
        dataset: a packed folder or a dataset's name on the Hub.
        config: of a task; its train split is kept.
        preparation: how rows are fitted; see `preparation.fit`.
        size: side of the training images, in pixels.
    """

    dataset: str
    config: str
    preparation: Preparation
    size: int


@dataclass(frozen=True)
class CacheOptions:
    """How a cache is made.

    Attributes:
        folder: it gets a folder for each source.
        workers: processes that decode, resize and encode.
        progress: whether a progress bar is shown.
    """

    folder: str
    workers: int = 0
    progress: bool = True


@dataclass(frozen=True)
class Description:
    """What lies in a cache.

    Attributes:
        source: fields of its CacheSource.
        revision: state of the dataset.
        rows: number of rows.
        sha256: of `rows.arrow`, in hexadecimal.
    """

    source: dict
    revision: str
    rows: int
    sha256: str


_DESCRIPTION = JsonDocument(
    "the description of a cache", FORMAT, lambda fields: Description(**fields), "delete its folder"
)


def cached_rows(
    rows: datasets.Dataset | datasets.IterableDataset, source: CacheSource, options: CacheOptions
) -> datasets.Dataset:
    """The rows, fitted to the training size, from the cache; they are written first if they are not there.

    In the order of `rows`; those of a stream by id, since workers read it in turn. Of several processes one writes
    and the others wait. A copy that no longer has its SHA-256 is written again.

    Args:
        rows: the train split, as `dataset.load_rows` gives it.

    Raises:
        ValueError: the state of the dataset is not known, so that a cache could be of another one.
    """
    from filelock import FileLock

    revision = _revision(source.dataset)
    place = os.path.join(options.folder, _key(source, revision))
    os.makedirs(options.folder, exist_ok=True)
    with FileLock(f"{place}.lock"):
        if not _is_whole(place):
            for unfinished in glob.glob(f"{glob.escape(place)}.*{UNFINISHED}"):  # of a process that was killed
                shutil.rmtree(unfinished, ignore_errors=True)
            _write(rows, source, revision, place, options)
    kept = datasets.Dataset.from_file(os.path.join(place, ROWS))
    for column in ("image", TRUTH_COLUMNS[task_of(source.config)]):
        if isinstance(kept.features[column], datasets.Image):
            kept = kept.cast_column(column, datasets.Image(decode=False))
    if isinstance(rows, datasets.IterableDataset):
        return kept.select(np.argsort(kept["id"][:], kind="stable"))
    return kept


def _revision(dataset: str) -> str:
    found = dataset_revision(dataset)
    if found is None and os.path.isdir(dataset):
        found = state_of_shards(dataset)
    if found is None:
        raise ValueError(
            f"the state of {dataset} is not known, so a cache of it could be out of date: leave out --cache, or "
            "train on a packed folder or on a dataset of a Hub that can be reached"
        )
    return found


def _key(source: CacheSource, revision: str) -> str:
    parts = (source.config, source.preparation, source.size, revision, FORMAT)
    return f"{source.config}-{source.size}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def _is_whole(place: str) -> bool:
    """Whether a cache is there and is what was written."""
    try:
        with open(os.path.join(place, DESCRIPTION), "rb") as file:
            described = _DESCRIPTION.load(file.read(), file.name)
        with open(os.path.join(place, ROWS), "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == described.sha256
    except (FileNotFoundError, NotADirectoryError):
        return False
    except ValueError as error:
        print(f"{error}: it is written again", file=sys.stderr)
        return False


def _write(rows, source: CacheSource, revision: str, place: str, options: CacheOptions) -> None:
    with whole_folder(place, replace=True) as temporary:
        file = os.path.join(temporary, ROWS)
        count = 0
        with pa.OSFile(file, "wb") as sink, pa.ipc.new_stream(sink, rows.features.arrow_schema) as writer:
            for batch in _fitted(rows, source, options):
                writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=rows.features.arrow_schema))
                count += len(batch)
        with open(file, "rb") as written:
            digest = hashlib.file_digest(written, "sha256").hexdigest()
        described = Description(asdict(source), revision, count, digest)
        write_whole(os.path.join(temporary, DESCRIPTION), _DESCRIPTION.dump(asdict(described)))


def _fitted(rows, source: CacheSource, options: CacheOptions) -> Iterator[list[dict]]:
    from tqdm import tqdm

    if isinstance(rows, datasets.IterableDataset):
        work: Dataset = _FittedStream(rows, source)
        count, workers = None, min(options.workers, rows.num_shards)
    else:
        work, count, workers = _FittedRows(rows, source), len(rows), options.workers
    loader: Any = DataLoader(work, batch_size=BATCH, num_workers=workers, collate_fn=list)
    description = f"cache at {source.size} pixels"
    with tqdm(total=count, unit="row", desc=description, disable=not options.progress) as bar:
        for batch in loader:
            yield batch
            bar.update(len(batch))


class _FittedRows(Dataset):
    def __init__(self, rows: datasets.Dataset, source: CacheSource):
        self.rows, self.source = rows, source

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict:
        return _fitted_row(self.rows[index], self.source)


class _FittedStream(IterableDataset):
    def __init__(self, rows: datasets.IterableDataset, source: CacheSource):
        self.rows, self.source = rows, source

    def __iter__(self) -> Iterator[dict]:
        for row in self.rows:
            yield _fitted_row(row, self.source)


def _fitted_row(row: dict, source: CacheSource) -> dict:
    task = task_of(source.config)
    sample: Sample = fit(decode(row, task), source.preparation, source.size)
    changed: dict[str, Any] = {"image": {"bytes": encode_image(sample.image), "path": None}}
    if task != "classification":
        changed[TRUTH_COLUMNS[task]] = {"bytes": _png(np.asarray(sample.truth)), "path": None}
    return row | changed


def _png(mask: np.ndarray) -> bytes:
    """(H, W) uint8, any values, as a grey PNG."""
    out = io.BytesIO()
    Image.fromarray(mask).save(out, "PNG", compress_level=1)
    return out.getvalue()
