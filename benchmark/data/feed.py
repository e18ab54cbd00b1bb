"""Yields training batches that depend on the seed and the step alone, so that training can resume at any step."""

from __future__ import annotations

import copy
import inspect
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

SHUFFLE_BLOCK = 256
"""Number of encoded rows that a stream shuffles at a time: about 500 MB per worker at full image size."""


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


class Feed:
    """The batches of a training, (B, size, size, 3) uint8 images and their truths, and the position in them."""

    def __init__(self, loader: Any, count: int, processes: int):
        self._loader, self._count, self._processes = loader, count, processes

    def __iter__(self) -> Iterator:
        return islice(iter(self._loader), self._count)

    def position(self) -> dict | None:
        """Where a stream is after the last batch; None for rows that are read by their index."""
        if not hasattr(self._loader, "state_dict"):
            return None
        state, workers = self._loader.state_dict(), self._loader.num_workers
        return {"loader": state, "workers": workers, "processes": self._processes}


def train_batches(
    rows: datasets.Dataset | datasets.IterableDataset, options: FeedOptions, position: dict | None = None
) -> Feed:
    """The batches from step `start` to the last.

    Args:
        position: of a stream, `Feed.position` after step `start`: reading begins in the shard that it lies in.

    Raises:
        ValueError: there is no row to train on, or the position is of another number of workers or processes.
    """
    _ = options.local_batch  # raises ValueError before a worker starts
    shared: dict[str, Any] = {
        "num_workers": options.workers,
        "pin_memory": torch.cuda.is_available(),
        "persistent_workers": options.workers > 0,
    }
    count = options.recipe.steps - options.start
    if isinstance(rows, datasets.IterableDataset):
        return Feed(_stream_loader(rows, options, shared, position), count, options.processes)
    if not len(rows):
        raise ValueError("the train split holds no rows")
    loader = DataLoader(_Rows(rows, options), batch_sampler=_Positions(len(rows), options), **shared)
    return Feed(loader, count, options.processes)


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


def _stream_loader(
    rows: datasets.IterableDataset, options: FeedOptions, shared: dict[str, Any], position: dict | None
) -> Iterable:
    try:
        from torchdata.stateful_dataloader import StatefulDataLoader
    except ImportError as error:
        raise ImportError("--streaming needs torchdata: pip install 'diffseg30k[benchmark]'") from error
    rows = split_dataset_by_node(rows, options.rank, options.processes)
    # `datasets` assigns different shards to each worker.
    workers = min(options.workers, rows.num_shards)
    shared |= {"num_workers": workers, "persistent_workers": workers > 0}
    loader = StatefulDataLoader(_Stream(rows, options), batch_size=options.local_batch, **shared)
    if position is not None:
        _check_readers(position, workers, options.processes)
        loader.load_state_dict(position["loader"])
    return loader


def _check_readers(position: dict, workers: int, processes: int) -> None:
    """Makes sure that as many read a stream as before: each has a position of its own.

    Raises:
        ValueError: others do.
    """
    if (position["workers"], position["processes"]) != (workers, processes):
        raise ValueError(
            f"the stream was read by {position['workers']} workers in {position['processes']} processes, and now "
            f"would be by {workers} in {processes}: resume with the same --workers and number of processes"
        )


class _Stream(IterableDataset):
    """An endless stream of samples: each worker repeats its share of the rows in a new order every epoch.

    The order of the shards is shuffled, and the rows in blocks of SHUFFLE_BLOCK: unlike a sliding buffer, a block
    can be read again, from a position before it.

    Args:
        rows: the rows of this process.
        options: the options of the batches.
    """

    def __init__(self, rows: datasets.IterableDataset, options: FeedOptions):
        self.rows, self.options = rows, options
        self._position: dict[str, Any] = {"count": 0, "epoch": 0, "block": 0, "within": 0, "source": None}

    def state_dict(self) -> dict[str, Any]:
        return dict(self._position)

    def load_state_dict(self, position: dict[str, Any]) -> None:
        self._position = dict(position)

    def __iter__(self):
        info = get_worker_info()
        share = (self.options.rank, info.id if info else 0)
        start, count = self._position, self._position["count"]
        while True:
            seen = False
            for block, source, rows in self._blocks(start):
                seen = True
                rng = np.random.default_rng([self.options.seed, *share, start["epoch"], block])
                order = rng.permutation(len(rows))
                for within in range(start["within"], len(rows)):
                    self._position = start | {
                        "count": count + 1, "block": block, "within": within + 1, "source": source,
                    }  # fmt: skip
                    yield _prepared(rows[order[within]], self.options, (self.options.seed, *share, count))
                    count += 1
                start = start | {"within": 0}
            if not seen and start["source"] is None:
                raise ValueError("this worker's share of the train split holds no rows: use fewer --workers")
            start = {"count": count, "epoch": start["epoch"] + 1, "block": 0, "within": 0, "source": None}

    def _blocks(self, start: dict[str, Any]) -> Iterator[tuple[int, dict | None, list[dict]]]:
        """The blocks of an epoch from a position: number, position of the rows before it, rows."""
        rows = _shuffle_shards(self.rows, self.options.seed + start["epoch"])
        source = start["source"]
        if source is not None:
            rows.load_state_dict(source)
        iterator = iter(rows)
        block = start["block"]
        while read := list(islice(iterator, SHUFFLE_BLOCK)):
            yield block, source, read
            block, source = block + 1, rows.state_dict()


def _shuffle_shards(rows: datasets.IterableDataset, seed: int) -> datasets.IterableDataset:
    """The rows in an order of the shards that depends on the seed, each shard's in its own order.

    Older versions of `datasets` lose a row of their buffer where a shuffled stream is resumed: with them the
    shards keep their order.
    """
    if "max_buffer_input_shards" not in inspect.signature(rows.shuffle).parameters:
        return copy.deepcopy(rows)  # a position that is loaded into a stream stays in it
    return rows.shuffle(seed=seed, buffer_size=1, max_buffer_input_shards=1)


def _prepared(row: dict, options: FeedOptions, seed: tuple[int, ...]):
    rng = np.random.default_rng(seed)
    image, truth = prepare(decode(row, options.task), options.recipe, options.size, rng)
    return torch.from_numpy(np.array(image, order="C")), torch.from_numpy(np.array(truth, order="C"))


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
