"""Carries out one wave with a local or a Ray executor: again after a killed worker, with a progress bar."""

import os
import socket
import threading
import time
import uuid
from collections.abc import Sequence, Set
from typing import Any

from tqdm import tqdm

from builder.run.directory import LOGS, RunDirectory, failure_path
from generation.editing.chunk_claims import Claims
from generation.editing.executors.options import ExecutorOptions
from generation.editing.waves import Chunk, Planned, Work, to_make
from generation.editing.worker_options import WorkerOptions

SHARED = "shared"
"""The session of commands on several machines that share a run directory."""

KILLS_IN_VAIN = 3
"""Attempts in a row in which workers are killed and no edit is finished, before a run gives up."""

LOOKING = 50
"""The progress bar pauses this many times as long as its last listing took: large folders take seconds."""

POLL = 3.0
"""Seconds between two checks whether other machines are still editing."""


def new_session() -> str:
    """A name for the claims of one command's workers."""
    return uuid.uuid4().hex[:12]


def begin_wave(run: RunDirectory, turn: int, where: ExecutorOptions, images: Set[str] | None = None) -> None:
    """Forgets the failures of a turn, so that it is tried again, unless other machines are at work: they may be
    new.

    Args:
        run: the run directory.
        turn: 0 to 3.
        where: the executor.
        images: whose failures; None for all.
    """
    if not (where.shared and _others_work(run, turn)):
        forget_failures(run, turn, images)


def forget_failures(run: RunDirectory, turn: int, images: Set[str] | None = None) -> None:
    """Deletes the failures of a turn, of some images or of all."""
    for image in run.failed(turn):
        if images is None or image in images:
            run.delete(failure_path(image, turn))


def run_wave(
    run: RunDirectory, wave: Sequence[Chunk[Planned]], where: ExecutorOptions, options: WorkerOptions
) -> None:
    """Makes what is unfinished of a wave, again after a killed worker as long as edits get finished.

    Raises:
        WorkerKilled: workers were killed in several attempts in a row in which nothing was finished.
    """
    from generation.editing.executors.local import WorkerKilled

    edits = [edit for chunk in wave for edit in chunk.edits]
    remaining = len(to_make(run, edits))
    in_vain = 0
    while remaining:
        killed = None
        try:
            with Progress(run, edits):
                _executor(run, wave, where, options).run()
        except WorkerKilled as error:
            killed = error
        still = len(to_make(run, edits))
        in_vain = in_vain + 1 if killed and still == remaining else 0
        if killed and in_vain == KILLS_IN_VAIN:  # an edit that kills every worker
            raise killed
        if not killed and still == remaining and not (where.shared and _wait_for_others(run, wave[0].turn)):
            return
        remaining = still


def _wait_for_others(run: RunDirectory, turn: int) -> bool:
    """Waits once if other machines are editing the wave; returns whether any was."""
    if not _others_work(run, turn):
        return False
    time.sleep(POLL)
    return True


def _others_work(run: RunDirectory, turn: int) -> bool:
    """Whether another command edits the wave; deletes the claims of this machine's killed commands first."""
    claims = Claims(run, SHARED, turn, _machine())
    claims.drop_ended(socket.gethostname())
    return claims.others_work()


def _machine() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-"


def _executor(
    run: RunDirectory, wave: Sequence[Chunk[Planned]], where: ExecutorOptions, options: WorkerOptions
) -> Any:
    from generation.editing.worker import EditWave

    turn = wave[0].turn
    logs = f"{run.url.rstrip('/')}/{LOGS}/turn-{turn}"
    if where.kind == "ray":
        from generation.editing.executors.ray import ray_executor

        return ray_executor(EditWave(run.url, turn, options, new_session()), where, f"{logs}/ray")
    from generation.editing.executors.local import local_executor

    if not where.shared:
        workers = min(where.workers, len(wave))
        return local_executor(EditWave(run.url, turn, options, new_session()), workers, logs, options.device)
    machine = _machine()
    step = EditWave(run.url, turn, options, SHARED, machine)
    return local_executor(step, where.workers, f"{logs}/{machine}{new_session()}", options.device)


class Progress:
    """A progress bar that counts the records of a wave, those written by other machines included."""

    def __init__(self, run: RunDirectory, edits: Sequence[Work]):
        self._run, self._turn = run, edits[0].turn
        self._images = {edit.image for edit in edits}
        self._stop = threading.Event()
        self._bar = tqdm(
            total=len(edits),
            desc=f"turn {self._turn}" if self._turn else "pictures",
            unit="edit" if self._turn else "picture",
            initial=self._count(),
        )
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def _count(self) -> int:
        return len(self._images & self._run.finished(self._turn))

    def _follow(self) -> None:
        pause = 1.0
        while not self._stop.wait(pause):
            started = time.perf_counter()
            self._bar.update(self._count() - self._bar.n)
            pause = max(1.0, LOOKING * (time.perf_counter() - started))

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._bar.update(self._count() - self._bar.n)
        self._bar.close()
