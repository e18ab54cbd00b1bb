"""Maps a function over photographs in threads."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from tqdm import tqdm

THREADS = min(4, os.cpu_count() or 1)
"""Number of threads. Pillow releases the GIL while it decodes and encodes."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(task: Callable[[Item], Result], items: Sequence[Item], label: str) -> Iterator[Result]:
    """Yields `task(item)` for each item in order, with a progress bar; an error cancels the tasks not started
    yet."""
    pool = ThreadPoolExecutor(THREADS)
    try:
        results = pool.map(task, items)
        yield from tqdm(results, total=len(items), desc=label, unit="photograph", leave=False, disable=not items)
    finally:
        pool.shutdown(cancel_futures=True)
