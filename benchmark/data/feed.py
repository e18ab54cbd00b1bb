"""Yields training batches that depend on the seed and the step alone, so that training can resume at any step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import datasets
import numpy as np
import torch
from datasets.distributed import split_dataset_by_node
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, get_worker_info

from benchmark.data.dataset import decode
from benchmark.data.preparation import prepare
from benchmark.models.recipes import Recipe
from benchmark.models.registry import Task
from diffseg30k import unit_hash

SHUFFLE_BUFFER = 256
"""Number of encoded rows in the shuffle buffer of a stream: about 500 MB per worker at full image size."""


@dataclass(frozen=True)
class FeedOptions:
    """The options of the training batches.

    Attributes:
        task: the task of the rows.
        recipe: for its batch size, number of steps and preparation.
        size: side of the training images, in pixels.
        seed: seed of order and augmentation.
        rank, processes: number of this process and of all processes; each gets its part of every batch.
        workers: number of decoding subprocesses.
        start: the first step to yield, from 0.
    """

    task: Task
    recipe: Recipe
    size: int
    seed: int
    rank: int = 0
    processes: int = 1
    workers: int = 0
    start: int = 0

    @property
    def local_batch(self) -> int:
        """Images per process and step.

        Raises:
            ValueError: the batch size is not a multiple of the number of processes.
        """
        if self.recipe.batch_size % self.processes:
            raise ValueError(
                f"a batch of {self.recipe.batch_size} images does not divide by {self.processes} processes: "
                "choose another --batch-size"
            )
        return self.recipe.batch_size // self.processes


def train_batches(rows: datasets.Dataset | datasets.IterableDataset, options: FeedOptions) -> Iterable:
    """Yields the batches from step `start` to the last: (B, size, size, 3) uint8 images and their truths.

    Raises:
        ValueError: there is no row to train on.
    """
    _ = options.local_batch  # raises ValueError before a worker starts
    shared: dict[str, Any] = {
        "num_workers": options.workers,
        "pin_memory": torch.cuda.is_available(),
        "persistent_workers": options.workers > 0,
    }
    if isinstance(rows, datasets.IterableDataset):
        return _stream_batches(rows, options, shared)
    if not len(rows):
        raise ValueError("the train split holds no rows")
    return DataLoader(_Rows(rows, options), batch_sampler=_Positions(len(rows), options), **shared)


class _Rows(Dataset):
    def __init__(self, rows: datasets.Dataset, options: FeedOptions):
        self.rows, self.options = rows, options

    def __getitem__(self, place: tuple[int, int]):
        index, position = place
        return _prepared(self.rows[index], self.options, (self.options.seed, position))


class _Positions(Sampler):
    """Yields batches of (row index, position); the position counts all samples since the first step."""

    def __init__(self, count: int, options: FeedOptions):
        self.count, self.options = count, options

    def __len__(self) -> int:
        return self.options.recipe.steps - self.options.start

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        local, options = self.options.local_batch, self.options
        epoch, order = -1, np.empty(0, int)
        for step in range(options.start, options.recipe.steps):
            first = step * options.recipe.batch_size + options.rank * local
            batch = []
            for position in range(first, first + local):
                if position // self.count != epoch:
                    epoch = position // self.count
                    order = np.random.default_rng([options.seed, epoch]).permutation(self.count)
                batch.append((int(order[position % self.count]), position))
            yield batch


def _stream_batches(rows: datasets.IterableDataset, options: FeedOptions, shared: dict[str, Any]) -> Iterable:
    rows = split_dataset_by_node(rows, options.rank, options.processes)
    # `datasets` assigns different shards to each worker.
    workers = min(options.workers, rows.num_shards)
    shared |= {"num_workers": workers, "persistent_workers": workers > 0}
    # Workers deliver batches in turn, starting with the first worker: earlier batches are made and dropped.
    dropped = options.start % max(1, workers)
    stream = _Stream(rows, options, (options.start - dropped) // max(1, workers))
    batches = DataLoader(stream, batch_size=options.local_batch, **shared)
    return islice(batches, dropped, dropped + options.recipe.steps - options.start)


class _Stream(IterableDataset):
    """An endless stream of samples: each worker repeats its share of the rows in a new order every epoch.

    Args:
        rows: the rows of this process.
        options: the options of the batches.
        made: number of earlier batches of each worker.
    """

    def __init__(self, rows: datasets.IterableDataset, options: FeedOptions, made: int):
        self.rows, self.options, self.made = rows, options, made

    def __iter__(self):
        info = get_worker_info()
        share = (self.options.rank, info.id if info else 0)
        fresh = islice(enumerate(self._endless(self.rows)), self.made * self.options.local_batch, None)
        for count, row in fresh:
            yield _prepared(row, self.options, (self.options.seed, *share, count))

    def _endless(self, rows: datasets.IterableDataset) -> Iterator[dict]:
        epoch = 0
        while True:
            shuffled = rows.shuffle(seed=self.options.seed + epoch, buffer_size=SHUFFLE_BUFFER)
            seen = False
            for row in shuffled:
                seen = True
                yield row
            if not seen:
                raise ValueError("this worker's share of the train split holds no rows: use fewer --workers")
            epoch += 1


def _prepared(row: dict, options: FeedOptions, seed: tuple[int, ...]):
    rng = np.random.default_rng(seed)
    image, truth = prepare(decode(row, options.task), options.recipe, options.size, rng)
    return torch.from_numpy(np.array(image)), torch.from_numpy(np.array(truth))


def kept_for_validation(id: str, share: float) -> bool:
    """Whether a training row is kept for validation, by a hash of its id."""
    return unit_hash(f"validation {id}") < share


def split_off(rows, share: float):
    """Splits rows into those to train on, and the `share` held out for validation."""
    if not share:
        return rows, None
    parts = [
        rows.filter(lambda id, wanted=wanted: kept_for_validation(id, share) == wanted, input_columns=["id"])
        for wanted in (False, True)
    ]
    return parts[0], parts[1]


def as_images(batch: torch.Tensor, device: torch.device | str) -> torch.Tensor:
    """Converts (N, H, W, 3) uint8 to (N, 3, H, W) float32, 0 to 1, on a device."""
    return batch.to(device, non_blocking=True).permute(0, 3, 1, 2).float() / 255
