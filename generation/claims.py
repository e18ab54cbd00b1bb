"""Who is at which chunk: advice that keeps workers apart, in files of the run directory.

    claims/SESSION/turn-1/00012.WORKER   the worker was at chunk 12 when the file was last written
    claims/SESSION/turn-1/now.WORKER     the worker asked when the file was last written

Nothing depends on it but time: where two workers make the same edit all the same, both write the same bytes.
"""

from dataclasses import dataclass

from builder.run_directory import RunDirectory

STALE = 1800.0
"""Seconds without a sign of life after which a chunk is anybody's again; longer than any batch takes."""


@dataclass(frozen=True)
class Claims:
    """The claims of one wave.

    Attributes:
        run: the run directory.
        session: workers of one session know of each other, and of no other's.
        turn: the wave.
        worker: who asks; a worker that was killed and started again asks as the same one.
    """

    run: RunDirectory
    session: str
    turn: int
    worker: str

    def held(self) -> set[int]:
        """The chunks that other workers are at."""
        self.run.write(f"{self._folder()}/now.{self.worker}", b"")
        return {chunk for chunk, worker in self._fresh() if worker != self.worker}

    def take(self, chunk: int) -> bool:
        """Claims a chunk; false where another worker was quicker."""
        self.refresh(chunk)
        others = {worker for number, worker in self._fresh() if number == chunk} - {self.worker}
        if any(worker < self.worker for worker in others):
            self.drop(chunk)
            return False
        return True

    def refresh(self, chunk: int) -> None:
        """Says that the worker is still at it."""
        self.run.write(self._path(chunk), b"")

    def drop(self, chunk: int) -> None:
        """Leaves a chunk."""
        self.run.delete(self._path(chunk))

    def _folder(self) -> str:
        return f"claims/{self.session}/turn-{self.turn}"

    def _path(self, chunk: int) -> str:
        return f"{self._folder()}/{chunk:05d}.{self.worker}"

    def _fresh(self) -> list[tuple[int, str]]:
        times = self.run.times(self._folder())
        newest = max(times.values(), default=0.0)  # the time by the clock of whoever keeps the files
        found = [(name.partition("."), time) for name, time in times.items()]
        return [
            (int(chunk), worker) for (chunk, _, worker), time in found if chunk != "now" and time > newest - STALE
        ]
