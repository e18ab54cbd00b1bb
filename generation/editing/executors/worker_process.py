"""A process pool whose workers end when the command that started it ends, even by SIGKILL."""

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
"""Environment variable with the process id of the command, for the fork server."""

_number: int | None = None


def worker_number() -> int | None:
    """The number of this worker process among those of its pool, from 0; None in any other process."""
    return _number


@contextmanager
def worker_pool(workers: int, start_method: str) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes end immediately, running tasks included, when the block raises or this process dies.

    Args:
        workers: number of processes.
        start_method: `forkserver` or `spawn`.
    """
    context = multiprocessing.get_context(start_method)
    stopped, stop = context.Pipe(duplex=False)
    numbers = context.Value("i", 0)
    with stopped, stop:
        pool = ProcessPoolExecutor(workers, context, _begin, (numbers, stopped))
        try:
            yield pool
        except BaseException:
            stop.send_bytes(b"stop")  # otherwise the shutdown waits for running tasks
            raise
        finally:
            pool.shutdown(cancel_futures=True)


def _begin(numbers: Any, stopped: Connection) -> None:
    """Initialises a worker process: signals, the watching thread, its number."""
    global _number
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal interrupts all processes; only the command reacts
    threading.Thread(target=_exit_when_stopped, args=(stopped,), daemon=True).start()
    with numbers.get_lock():
        _number = numbers.value
        numbers.value += 1


def _exit_when_stopped(stopped: Connection) -> None:
    """Ends this worker when the command has stopped the pool or died.

    The command holds the other ends of two pipes, which the system closes when it dies, even by SIGKILL. Files
    are written under a temporary name and renamed, so a worker may end at any moment.
    """
    parent = multiprocessing.parent_process()
    wait([stopped] if parent is None else [stopped, parent.sentinel])
    os._exit(1)
