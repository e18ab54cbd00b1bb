"""Loads the rows of a packed dataset, from a folder or the Hub, and decodes them for a task."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

import datasets
import numpy as np
from PIL import Image

from benchmark.data.revision import state_of_shards
from benchmark.models.registry import TASKS, Task
from diffseg30k import CONFIGS, DiffSeg30k

TRUTH_COLUMNS: dict[Task, str] = {
    "binary": "binary_mask",
    "semantic": "semantic_mask",
    "classification": "label",
}
TURNS = "num_edits"


@dataclass(frozen=True)
class Sample:
    """One row, decoded.

    Attributes:
        id: the row's.
        image: (H, W, 3) uint8, RGB.
        truth: (H, W) uint8 label map; for classification the label, 0 or 1.
        num_edits: number of edits, 0 to 3; None if the dataset does not record it.
    """

    id: str
    image: np.ndarray
    truth: np.ndarray | int
    num_edits: int | None = None


def task_of(config: str) -> Task:
    """The task of a config: `semantic`, `binary` or `classification`.

    Raises:
        ValueError: there is no such config, or it belongs to no task of the benchmark.
    """
    if config not in CONFIGS:
        raise ValueError(f"there is no config {config!r}; the configs are {', '.join(CONFIGS)}")
    for task in TASKS:
        if config.startswith(task):
            return task
    usable = [name for name in CONFIGS if name.startswith(TASKS)]
    raise ValueError(f"the config {config!r} belongs to no task of the benchmark; give one of {', '.join(usable)}")


def evaluation_split(config: str) -> str:
    """The split that results are reported on: `test` of a held-out pair, else `validation`."""
    return "test" if "test" in CONFIGS[config].splits else "validation"


def load_rows(
    dataset: str, config: str, split: str, streaming: bool = False, truth: str | None = None
) -> datasets.Dataset | datasets.IterableDataset:
    """Loads the rows of a split with the columns that a task needs; images stay encoded.

    Args:
        dataset: a packed folder, a URL of one, or a dataset's name on the Hub.
        config: a config of a task.
        split: a split of the config.
        streaming: whether rows are read on demand, without a copy on disk.
        truth: the column with the truth; that of the config's task if left out.

    Raises:
        FileNotFoundError: the dataset does not exist.
        ValueError: there is no such config or split, or a column is missing.
    """
    truth = truth or TRUTH_COLUMNS[task_of(config)]
    if split not in CONFIGS[config].splits:
        raise ValueError(
            f"the config {config!r} has no split {split!r}; it has {', '.join(CONFIGS[config].splits)}"
        )
    if os.path.isdir(dataset) or "://" in dataset:
        rows = _from_folder(dataset, config, split, streaming, truth)
    elif not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", dataset):
        raise FileNotFoundError(f"--dataset {dataset}: there is no such folder; on the Hub it is NAMESPACE/NAME")
    else:
        rows = datasets.load_dataset(dataset, config, split=split, streaming=streaming)
    return _undecoded(rows, dataset, truth)


def _from_folder(folder: str, config: str, split: str, streaming: bool, truth: str):
    _check_there(folder, CONFIGS[config].splits[split], config, split)
    columns = ["id", "image", truth]
    try:
        return _rows(folder, config, split, streaming, [*columns, TURNS])
    except ValueError as error:
        if TURNS not in str(error):
            raise
    return _rows(folder, config, split, streaming, columns)


def _rows(folder: str, config: str, split: str, streaming: bool, columns: list[str]):
    builder = DiffSeg30k(config, data_dir=folder, columns=columns, hash=state_of_shards(folder))
    if streaming:
        return builder.as_streaming_dataset(split=split)
    builder.download_and_prepare()
    return builder.as_dataset(split=split)


def _check_there(folder: str, places: Iterable[str], config: str, split: str) -> None:
    if "://" not in folder and not any(_shards(os.path.join(folder, place)) for place in places):
        raise FileNotFoundError(f"{folder} has no shards of the split {split!r} of the config {config!r}")


def _shards(folder: str) -> list[str]:
    if not os.path.isdir(folder):
        return []
    return sorted(entry.path for entry in os.scandir(folder) if entry.name.endswith(".parquet"))


def _undecoded(rows, dataset: str, truth: str):
    names = list(rows.features or {})
    if missing := [name for name in ("id", "image", truth) if names and name not in names]:
        raise ValueError(
            f"{dataset} has no column {', '.join(missing)}, which this task needs; it has {', '.join(names)}"
        )
    rows = rows.select_columns([name for name in ("id", "image", truth, TURNS) if name in names])
    for column in ("image", truth):
        if isinstance(rows.features[column], datasets.Image):
            rows = rows.cast_column(column, datasets.Image(decode=False))
    return rows


def decode(row: dict, task: Task) -> Sample:
    """Decodes a row of `load_rows`.

    Raises:
        ValueError: an image cannot be decoded, or image and mask differ in size; the message has the row's id.
    """
    truth = row[TRUTH_COLUMNS[task]]
    try:
        picture = _picture(row["image"])
        image = np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
        target = int(truth) if task == "classification" else np.asarray(_picture(truth))
    except (OSError, ValueError) as error:
        raise ValueError(f"row {row['id']}: an image cannot be decoded: {error}") from error
    if isinstance(target, np.ndarray) and target.shape != image.shape[:2]:
        raise ValueError(f"row {row['id']}: the image is {image.shape[:2]} and its mask {target.shape}")
    return Sample(row["id"], image, target, row.get(TURNS))


def _picture(encoded: dict) -> Image.Image:
    return Image.open(io.BytesIO(encoded["bytes"]) if encoded["bytes"] else encoded["path"])
