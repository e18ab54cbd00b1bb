"""Work on many photographs at a time."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

THREADS = min(4, os.cpu_count() or 1)
"""Photographs that are open at once. Pillow decodes and encodes beside other threads."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(task: Callable[[Item], Result], items: Sequence[Item], label: str) -> Iterator[Result]:
    """What `task` makes of each item, in order, with a progress bar; what was not begun is dropped on an error."""
    pool = ThreadPoolExecutor(THREADS)
    try:
        results = pool.map(task, items)
        yield from tqdm(results, total=len(items), desc=label, unit="photograph", leave=False, disable=not items)
    finally:
        pool.shutdown(cancel_futures=True)
