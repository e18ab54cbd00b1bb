"""Files in the run directory that record which worker edits which chunk, so that no two take the same.

    claims/SESSION/turn-1/00012.WORKER   the worker was editing chunk 12 at the file's modification time
    claims/SESSION/turn-1/now.WORKER     the worker listed the claims at the file's modification time
    claims/SESSION/turn-1/clock.WORKER   its modification time tells a waiting command the storage's time

WORKER is HOST-PID-RANK where machines share a run. The claim of a killed command is dropped by the next
command that checks on the same machine; on other machines it expires after STALE seconds.

Claims save time only: if two workers make the same edit, both write the same bytes.
"""

import os
import random
import re
import time
from dataclasses import dataclass

from builder.run.directory import RunDirectory

STALE = 900.0
"""Seconds after its last refresh when a claim expires; longer than a model load or a batch takes."""

ACTIVE = 60.0
"""Seconds after listing the claims during which a worker counts as active, though it holds no chunk."""

MAX_PAUSE = 0.2
"""Longest random pause, in seconds, of a worker that gave up a chunk which another claimed at the same time."""


@dataclass(frozen=True)
class Claims:
    """The claims of one wave.

    Attributes:
        run: the run directory.
        session: only claims of the same session count.
        turn: the wave.
        worker: this worker's name; a restarted worker keeps the name.
    """

    run: RunDirectory
    session: str
    turn: int
    worker: str

    def held(self) -> set[int]:
        """The chunks that other workers have claimed; it also records that this worker is active."""
        self.run.write(f"{self._folder()}/now.{self.worker}", b"")
        return {chunk for chunk, worker in self._fresh() if worker != self.worker}

    def take(self, chunk: int) -> bool:
        """Claims a chunk. False if another worker has claimed it too; both may then have given it up.

        Each worker writes its claim before it lists the others', so of two simultaneous claims at least one is
        withdrawn. This holds on storage whose listings show all earlier writes.
        """
        self.refresh(chunk)
        if {worker for number, worker in self._fresh() if number == chunk} - {self.worker}:
            self.drop(chunk)
            time.sleep(random.uniform(0, MAX_PAUSE))
            return False
        return True

    def others_work(self) -> bool:
        """Whether workers whose names do not begin with this one's hold a chunk, or were active lately."""
        self.run.write(f"{self._folder()}/clock.{self.worker}", b"")  # not `now`: a waiting command is not active
        times = self.run.times(self._folder())
        newest = max(times.values())
        return any(
            not name.startswith("clock.")
            and written > newest - (ACTIVE if name.startswith("now.") else STALE)
            and not name.partition(".")[2].startswith(self.worker)
            for name, written in times.items()
        )

    def drop_ended(self, host: str) -> None:
        """Deletes the claims of this host's workers whose command, the PID in HOST-PID-RANK, has ended."""
        for name in self.run.names(self._folder()):
            owner = re.fullmatch(rf"{re.escape(host)}-(\d+)-\d*", name.partition(".")[2])
            if owner and not os.path.exists(f"/proc/{owner[1]}") and os.path.isdir("/proc/self"):
                self.run.delete(f"{self._folder()}/{name}")

    def refresh(self, chunk: int) -> None:
        """Renews the claim on a chunk."""
        self.run.write(self._path(chunk), b"")

    def drop(self, chunk: int) -> None:
        """Withdraws the claim on a chunk."""
        self.run.delete(self._path(chunk))

    def _folder(self) -> str:
        return f"claims/{self.session}/turn-{self.turn}"

    def _path(self, chunk: int) -> str:
        return f"{self._folder()}/{chunk:05d}.{self.worker}"

    def _fresh(self) -> list[tuple[int, str]]:
        times = self.run.times(self._folder())
        newest = max(times.values(), default=0.0)  # the storage's present time
        found = [(name.partition("."), time) for name, time in times.items()]
        return [
            (int(chunk), worker) for (chunk, _, worker), time in found if chunk.isdigit() and time > newest - STALE
        ]
