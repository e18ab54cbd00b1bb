"""Makes the unfinished edits of a plan, wave by wave, with the executor that is chosen."""

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from builder.run.bases import Base, bases_by_name
from builder.run.directory import LOGS, RunDirectory
from builder.run.planned_edit import PlannedEdit, read_plan
from builder.run.planned_picture import read_pictures
from builder.run.records import EditFailure, count_loads, delete_damaged_records, read_failures
from diffseg30k import MAX_TURNS
from generation.editing.executors.options import ExecutorOptions
from generation.editing.wave_run import begin_wave, forget_failures, new_session, run_wave
from generation.editing.waves import Chunk, chunks, to_make, with_input
from generation.editing.worker_options import WorkerOptions
from generation.vlm.client import VlmClient

TURNS = range(1, MAX_TURNS + 1)


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
            begin_wave(run, turn, where)
            wave = chunks(plan, turn)
            _ask_for_prompts(run, wave, client)
            run_wave(run, wave, where, options)
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
    session = new_session()
    logs = [f"{run.url.rstrip('/')}/{LOGS}/turn-{turn}/slurm-{session}" for turn in turns]
    return submit_waves([EditWave(run.url, turn, options, session) for turn in turns], where, logs)


def paint(run_url: str, options: WorkerOptions, where: ExecutorOptions) -> dict[str, str]:
    """Paints the pictures of a run that are not there yet and have not failed: wave 0.

    Args:
        run_url: the run directory.
        options: how each worker works.
        where: a `local` or `ray` executor.

    Returns:
        The pictures that could not be made: name to reason.

    Raises:
        WorkerKilled: see `generate`.
    """
    run = RunDirectory(run_url)
    _quiet_datatrove()
    try:
        run_wave(run, chunks(read_pictures(run), 0), where, options)
    finally:
        _release_model()
    return {failure.image: failure.reason for failure in read_failures(run, 0)}


def submit_pictures(run_url: str, options: WorkerOptions, where: ExecutorOptions) -> list[str]:
    """Submits the painting of a run's pictures to Slurm as a job array, and returns its job id.

    Raises:
        FileNotFoundError: this machine has no `sbatch`.
    """
    from generation.editing.executors.slurm import submit_waves
    from generation.editing.worker import EditWave

    run, session = RunDirectory(run_url), new_session()
    _quiet_datatrove()
    logs = f"{run.url.rstrip('/')}/{LOGS}/turn-0/slurm-{session}"
    return submit_waves([EditWave(run.url, 0, options, session)], where, [logs])


def _forget_damaged(run: RunDirectory, turn: int, bases: dict[str, Base], check: bool = False) -> list[str]:
    return list(delete_damaged_records(run, turn, bases, check).values())


def _open_plan(run: RunDirectory, client: VlmClient | None) -> list[PlannedEdit]:
    _quiet_datatrove()
    plan = read_plan(run)
    _check_vlm(plan, client)
    return plan


def _quiet_datatrove() -> None:
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")  # datatrove reads it once, when its logger is imported


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


def _ask_for_prompts(run: RunDirectory, wave: Sequence[Chunk[PlannedEdit]], client: VlmClient | None) -> None:
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
