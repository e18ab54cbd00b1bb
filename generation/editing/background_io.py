"""Reads and writes pictures while the model is at work."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

HANDS = 2
"""Threads that read, and as many that write. Pillow decodes and encodes beside other threads."""

Result = TypeVar("Result")


class Desk:
    """Runs jobs beside the caller, and no more than two batches of them, so that memory stays bounded.

    A job's error is raised by the next `put` or at the end, so that a full disk stops a worker.
    """

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(HANDS)  # of their own: the model waits for what they bring
        self._writers = ThreadPoolExecutor(HANDS)
        self._writing: list[Future[None]] = []
        self._afterwards: list[Callable[[], object]] = []

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
        """Begins jobs whose results will be wanted."""
        return [self._readers.submit(job) for job in jobs]

    def put(self, jobs: Sequence[Callable[[], None]]) -> None:
        """Begins jobs, once those of the call before are done."""
        self.finish()
        self._writing = [self._writers.submit(job) for job in jobs]

    def afterwards(self, call: Callable[[], object]) -> None:
        """Has something called once all jobs that were put are done."""
        self._afterwards.append(call)

    def finish(self) -> None:
        """Waits for all jobs that were put."""
        for job in self._writing:
            job.result()
        self._writing = []
        while self._afterwards:
            self._afterwards.pop(0)()
