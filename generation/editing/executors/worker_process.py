"""A pool of worker processes that ends with the command that started it, however that ends."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any

COMMAND = "DIFFSEG30K_COMMAND"
"""The environment variable that tells the fork server the process id of its command."""

_number: int | None = None


def worker_number() -> int | None:
    """The number of this worker process among those of its pool, from 0; None in any other process."""
    return _number


@contextmanager
def worker_pool(workers: int, start_method: str) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes are ended at once, at work or not, when the block raises or this process dies.

    Args:
        workers: processes.
        start_method: one of `multiprocessing`'s, but not `fork`.
    """
    context = multiprocessing.get_context(start_method)
    stopped, stop = context.Pipe(duplex=False)
    numbers = context.Value("i", 0)
    with stopped, stop:
        pool = ProcessPoolExecutor(workers, context, _begin, (numbers, stopped))
        try:
            yield pool
        except BaseException:
            stop.send_bytes(b"stop")  # without it, the shutdown would wait until they have done their tasks
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(numbers: Any, stopped: Connection) -> None:
    """The first thing that a worker process does."""
    global _number
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to everyone; the command decides
    threading.Thread(target=_exit_when_told, args=(stopped,), daemon=True).start()
    with numbers.get_lock():
        _number = numbers.value
        numbers.value += 1


def _exit_when_told(stopped: Connection) -> None:
    """A worker that waits for a task, or is at one, would not notice that the command has died.

    The command holds the other ends of two pipes, and the system closes them with it, also after SIGKILL. What a
    worker has begun to write is not there, so it can go at any moment.
    """
    parent = multiprocessing.parent_process()
    wait([stopped] if parent is None else [stopped, parent.sentinel])
    os._exit(1)
