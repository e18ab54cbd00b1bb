"""Reads the next batch of images and writes the last one in threads, while the model runs."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

THREADS = 2
"""Number of reading threads, and of writing threads. Pillow releases the GIL while it decodes and encodes."""

Result = TypeVar("Result")


class BackgroundIo:
    """Runs read and write jobs in threads; at most two batches are in memory.

    An error of a write job is raised by the next `write` or by `finish`, so that a full disk stops the worker.
    """

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(THREADS)  # not the writers': the model waits for reads alone
        self._writers = ThreadPoolExecutor(THREADS)
        self._writing: list[Future[None]] = []
        self._callbacks: list[Callable[[], object]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.finish()
        finally:
            self._readers.shutdown()
            self._writers.shutdown()

    def read(self, jobs: Sequence[Callable[[], Result]]) -> list[Future[Result]]:
        """Starts jobs and returns their futures."""
        return [self._readers.submit(job) for job in jobs]

    def write(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Waits for the jobs of the previous call, then starts these."""
        self.finish()
        self._writing = [self._writers.submit(job) for job in jobs]

    def when_written(self, call: Callable[[], object]) -> None:
        """Registers a function that is called when all write jobs started so far are done."""
        self._callbacks.append(call)

    def finish(self) -> None:
        """Waits for all write jobs, then calls the registered functions."""
        for job in self._writing:
            job.result()
        self._writing = []
        while self._callbacks:
            self._callbacks.pop(0)()
