"""Who is at which chunk: advice that keeps workers apart, in files of the run directory.

    claims/SESSION/turn-1/00012.WORKER   the worker was at chunk 12 when the file was last written
    claims/SESSION/turn-1/now.WORKER     the worker asked when the file was last written
    claims/SESSION/turn-1/clock.WORKER   tells a waiting command the time by the storage's clock

A shared name is HOST-PID-RANK. A chunk of a killed command is free again as soon as another
command on its machine looks, and for other machines after STALE seconds.

Nothing depends on it but time: where two workers make the same edit all the same, both write the same bytes.
"""

import os
import random
import re
import time
from dataclasses import dataclass

from builder.run.directory import RunDirectory

STALE = 900.0
"""Seconds without a sign of life after which a chunk is anybody's again; longer than any load or batch takes."""

ALIVE = 60.0
"""Seconds for which a worker that asked for a chunk counts as at work, though it holds none just now."""

YIELDED = 0.2
"""Seconds that a worker waits at most where two reached for one chunk and both let go."""


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
        """Claims a chunk; false where another worker claims it too, and then it may be free again at once.

        Each writes first and looks then, so of two that reach for one chunk at least one sees the other and lets
        go: never both have it, wherever a listing shows what was written before it.
        """
        self.refresh(chunk)
        if {worker for number, worker in self._fresh() if number == chunk} - {self.worker}:
            self.drop(chunk)
            time.sleep(random.uniform(0, YIELDED))
            return False
        return True

    def others_work(self) -> bool:
        """Whether workers whose names do not begin with this one's are at chunks, or asked for one lately."""
        self.run.write(f"{self._folder()}/clock.{self.worker}", b"")  # not `now`: who only waits is not at work
        times = self.run.times(self._folder())
        newest = max(times.values())
        return any(
            not name.startswith("clock.")
            and written > newest - (ALIVE if name.startswith("now.") else STALE)
            and not name.partition(".")[2].startswith(self.worker)
            for name, written in times.items()
        )

    def drop_dead(self, host: str) -> None:
        """Drops what workers of this host left behind whose command, HOST-PID-, is over."""
        for name in self.run.names(self._folder()):
            owner = re.fullmatch(rf"{re.escape(host)}-(\d+)-\d*", name.partition(".")[2])
            if owner and not os.path.exists(f"/proc/{owner[1]}") and os.path.isdir("/proc/self"):
                self.run.delete(f"{self._folder()}/{name}")

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
            (int(chunk), worker) for (chunk, _, worker), time in found if chunk.isdigit() and time > newest - STALE
        ]
