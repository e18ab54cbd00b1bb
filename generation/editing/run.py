"""Makes the unfinished edits of a plan, wave by wave, with the executor that is chosen."""

import dataclasses
import os
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from builder.run.bases import Base, bases_by_name
from builder.run.directory import LOGS, RunDirectory, failure_path
from builder.run.planned_edit import PlannedEdit, read_plan
from builder.run.records import EditFailure, count_loads, delete_damaged_records, read_failures
from diffseg30k import MAX_TURNS
from generation.editing.chunk_claims import Claims
from generation.editing.executors.options import ExecutorOptions
from generation.editing.waves import Chunk, chunks, to_make, with_input
from generation.editing.worker_options import WorkerOptions
from generation.vlm.client import VlmClient

TURNS = range(1, MAX_TURNS + 1)

SHARED = "shared"
"""The session of commands on several machines that share a run directory."""

KILLS_IN_VAIN = 3
"""Attempts in a row in which workers are killed and no edit is finished, before a run gives up."""

LOOKING = 50
"""The progress bar pauses this many times as long as its last listing took: large folders take seconds."""

POLL = 3.0
"""Seconds between two checks whether other machines are still editing."""


@dataclass(frozen=True)
class RunReport:
    """The state of a run after `generate`.

    Attributes:
        planned: edits in the plan.
        finished: edits with a record.
        made: edits finished by this call.
        model_loads: how often a worker loaded a generator in this call.
        failures: the edits that failed, with their reasons.
        lost: unfinished edits whose image has no failed edit, for instance after a worker was killed.
        damaged: what was found of edits whose files were damaged or missing; they were made again.
        waiting: all unfinished edits that did not fail: an earlier turn failed, or they are `lost`.
    """

    planned: int
    finished: int
    made: int
    model_loads: int
    failures: tuple[EditFailure, ...] = field(default=())
    lost: int = 0
    damaged: tuple[str, ...] = ()

    @property
    def waiting(self) -> int:
        return self.planned - self.finished - len(self.failures)

    def lines(self) -> list[str]:
        """Lines to print."""
        lines = [
            f"edits: {self.finished} of {self.planned} finished, {self.made} of them now, "
            f"{len(self.failures)} failed, {self.waiting} waiting; {self.model_loads} model loads"
        ]
        lines += [f"to be made again: {damage}" for damage in self.damaged]
        reasons = Counter((failure.generator, failure.reason) for failure in self.failures)
        lines += [f"failed: {count} by {generator}: {reason}" for (generator, reason), count in reasons.items()]
        if self.waiting:
            lines.append(f"waiting: {self.waiting} edits, for an earlier turn of their image or for a worker")
        return lines


def generate(
    run_url: str,
    options: WorkerOptions,
    where: ExecutorOptions | None = None,
    client: VlmClient | None = None,
    check: bool = False,
) -> RunReport:
    """Makes every edit of the plan that is not finished yet; those that failed before are tried again.

    An edit counts as finished if its record is whole and its files have the sizes that the record states.

    Args:
        run_url: a run directory with a plan.
        options: how each worker works.
        where: a `local` or `ray` executor; one worker on this machine if left out.
        client: the VLM that writes prompts, where the plan leaves prompts to a VLM.
        check: compare also the content of every file with its digest.

    Raises:
        FileNotFoundError: the run directory holds no plan.
        DamagedFile: the plan is damaged.
        ValueError: the plan needs a VLM, and none or another one is given.
        VlmUnavailable: the VLM does not answer; what is finished is kept.
        WorkerKilled: workers were killed in several attempts in a row in which no edit was finished.
    """
    run, where = RunDirectory(run_url), where or ExecutorOptions()
    plan = _open_plan(run, client)
    bases = bases_by_name(run)
    damaged = [path for turn in TURNS for path in _forget_damaged(run, turn, bases, check)]
    before, loads = _finished(run), _loads(run)
    try:
        for turn in TURNS:
            if turn > 1:  # of images that were made again the turn before
                again = _forget_damaged(run, turn, bases)
                damaged, before = damaged + again, before - len(again)
            if not (where.shared and _others_work(run, turn)):  # else they may be new
                forget_failures(run, turn)
            wave = chunks(plan, turn)
            _ask_for_prompts(run, wave, client)
            _run_wave(run, wave, where, options)
    finally:
        _release_model()
    return dataclasses.replace(_report(run, plan, before, loads), damaged=tuple(damaged))


def submit(run_url: str, options: WorkerOptions, where: ExecutorOptions) -> list[str]:
    """Submits the unfinished edits of a plan to Slurm, one job array per wave, and returns the job ids.

    Raises:
        FileNotFoundError: the run directory holds no plan, or this machine no `sbatch`.
        ValueError: every edit is finished, or a VLM has to write prompts between the waves.
    """
    from generation.editing.executors.slurm import submit_waves
    from generation.editing.worker import EditWave

    run = RunDirectory(run_url)
    plan = _open_plan(run, None)
    bases = bases_by_name(run)
    for turn in TURNS:
        _forget_damaged(run, turn, bases)
    turns = [turn for turn in TURNS if any(_unfinished(run, plan, turn))]
    if not turns:
        raise ValueError(f"{run_url}: every edit of the plan is finished")
    for turn in turns:
        forget_failures(run, turn)
    session = _new_session()
    logs = [f"{run.url.rstrip('/')}/{LOGS}/turn-{turn}/slurm-{session}" for turn in turns]
    return submit_waves([EditWave(run.url, turn, options, session) for turn in turns], where, logs)


def _forget_damaged(run: RunDirectory, turn: int, bases: dict[str, Base], check: bool = False) -> list[str]:
    return list(delete_damaged_records(run, turn, bases, check).values())


def _new_session() -> str:
    return uuid.uuid4().hex[:12]


def forget_failures(run: RunDirectory, turn: int) -> None:
    """Deletes the failures of a turn, so that these edits are tried again."""
    for image in run.failed(turn):
        run.delete(failure_path(image, turn))


def _open_plan(run: RunDirectory, client: VlmClient | None) -> list[PlannedEdit]:
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")  # datatrove reads it once, when its logger is imported
    plan = read_plan(run)
    _check_vlm(plan, client)
    return plan


def _unfinished(run: RunDirectory, plan: Sequence[PlannedEdit], turn: int) -> set[str]:
    return {edit.image for edit in plan if edit.turn == turn} - run.finished(turn)


def _report(run: RunDirectory, plan: Sequence[PlannedEdit], finished_before: int, loads_before: int) -> RunReport:
    finished = _finished(run)
    failures = tuple(failure for turn in TURNS for failure in read_failures(run, turn))
    failed = {failure.image for failure in failures}
    lost = sum(len(_unfinished(run, plan, turn) - failed) for turn in TURNS)
    made, loads = finished - finished_before, _loads(run) - loads_before
    return RunReport(len(plan), finished, made, loads, failures, lost)


def _loads(run: RunDirectory) -> int:
    return sum(count_loads(run, turn).total() for turn in TURNS)


def _check_vlm(plan: Sequence[PlannedEdit], client: VlmClient | None) -> None:
    wanted = {edit.prompt_by for edit in plan if edit.prompt_by}
    if wanted and (client is None or wanted != {client.vlm.name}):
        given = f"not {client.vlm.name}" if client else "name it with --vlm"
        raise ValueError(f"the plan leaves the prompts to the VLM {', '.join(sorted(wanted))}: {given}")


def _ask_for_prompts(run: RunDirectory, wave: Sequence[Chunk], client: VlmClient | None) -> None:
    """Has the VLM write the prompts of a wave, then frees its memory before the edits begin."""
    edits = [edit for chunk in wave for edit in chunk.edits if edit.prompt_by]
    if not edits or client is None:
        return
    from generation.prompts.vlm_prompts import delete_damaged_prompts, write_prompts
    from generation.vlm.client import open_vlm

    waiting = to_make(run, edits)
    if delete_damaged_prompts(run, edits[0].turn):
        waiting = with_input(run, edits)
    if not waiting:
        return

    _release_model()
    vlm = open_vlm(client.vlm)
    try:
        write_prompts(run, waiting, vlm, client.reply_store(run))
    finally:
        vlm.close()


def _release_model() -> None:
    """Frees the generator that a single worker, which runs in this process, keeps in memory."""
    from generation.editing.model_slot import release_model

    release_model()


def _finished(run: RunDirectory) -> int:
    return sum(len(run.finished(turn)) for turn in TURNS)


def _run_wave(run: RunDirectory, wave: Sequence[Chunk], where: ExecutorOptions, options: WorkerOptions) -> None:
    """Runs a turn, again after a killed worker as long as edits get finished."""
    from generation.editing.executors.local import WorkerKilled

    edits = [edit for chunk in wave for edit in chunk.edits]
    remaining = len(to_make(run, edits))
    in_vain = 0
    while remaining:
        killed = None
        try:
            with _Progress(run, edits):
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


def _executor(run: RunDirectory, wave: Sequence[Chunk], where: ExecutorOptions, options: WorkerOptions) -> Any:
    from generation.editing.worker import EditWave

    turn = wave[0].turn
    logs = f"{run.url.rstrip('/')}/{LOGS}/turn-{turn}"
    if where.kind == "ray":
        from generation.editing.executors.ray import ray_executor

        return ray_executor(EditWave(run.url, turn, options, _new_session()), where, f"{logs}/ray")
    from generation.editing.executors.local import local_executor

    if not where.shared:
        workers = min(where.workers, len(wave))
        return local_executor(EditWave(run.url, turn, options, _new_session()), workers, logs, options.device)
    machine = _machine()
    step = EditWave(run.url, turn, options, SHARED, machine)
    return local_executor(step, where.workers, f"{logs}/{machine}{_new_session()}", options.device)


class _Progress:
    """A progress bar that counts the records of a wave, those written by other machines included."""

    def __init__(self, run: RunDirectory, edits: Sequence[PlannedEdit]):
        self._run, self._turn = run, edits[0].turn
        self._images = {edit.image for edit in edits}
        self._stop = threading.Event()
        self._bar = tqdm(total=len(edits), desc=f"turn {self._turn}", unit="edit", initial=self._count())
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def _count(self) -> int:
        return len(self._images & self._run.finished(self._turn))

    def _follow(self) -> None:
        pause = 1.0
        while not self._stop.wait(pause):
            started = time.perf_counter()
            self._bar.update(self._count() - self._bar.n)
            pause = max(1.0, LOOKING * (time.perf_counter() - started))

    def __enter__(self) -> "_Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._bar.update(self._count() - self._bar.n)
        self._bar.close()
