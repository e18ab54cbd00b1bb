"""Carries a plan out, wave by wave, and goes on where an earlier attempt stopped."""

import os
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from builder.run_directory import LOGS, EditFailure, RunDirectory, read_failures
from diffseg30k import MAX_TURNS
from generation.eyes import Eyes
from generation.planned_edit import PlannedEdit, read_plan
from generation.waves import Chunk, chunks, to_make
from generation.worker_options import WorkerOptions

PRELOADED = (
    "torch",
    "transformers",
    "generation.worker",
    "diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_inpaint",
    "diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3_inpaint",
    "diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_inpaint",
    "diffusers.pipelines.flux.pipeline_flux_inpaint",
    "diffusers.pipelines.kolors.pipeline_kolors",
    "diffusers.pipelines.hunyuandit.pipeline_hunyuandit",
    "diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_combined",
)
"""Imported once, in the process that workers are forked from, and not once per worker and wave."""


@dataclass(frozen=True)
class RunReport:
    """What a run holds after `generate`.

    Attributes:
        planned: edits in the plan.
        finished: edits with a record.
        made: edits finished by this call.
        model_loads: times that a worker loaded a generator in this call.
        failures: the edits that failed, with their reasons.
        waiting: edits whose image failed at an earlier turn.
    """

    planned: int
    finished: int
    made: int
    model_loads: int
    failures: tuple[EditFailure, ...] = field(default=())

    @property
    def waiting(self) -> int:
        return self.planned - self.finished - len(self.failures)

    def lines(self) -> list[str]:
        """The report for people."""
        lines = [
            f"edits: {self.finished} of {self.planned} finished, {self.made} of them now; "
            f"{self.model_loads} model loads"
        ]
        reasons = Counter((failure.generator, failure.reason) for failure in self.failures)
        lines += [f"failed: {count} by {generator}: {reason}" for (generator, reason), count in reasons.items()]
        if self.waiting:
            lines.append(f"waiting: {self.waiting} later edits of the images that failed")
        return lines


def generate(run_url: str, options: WorkerOptions, workers: int = 1, eyes: Eyes | None = None) -> RunReport:
    """Makes every edit of the plan that is not finished yet.

    Args:
        run_url: a run directory with a plan.
        options: how each worker works.
        workers: processes on this machine.
        eyes: what writes prompts, where the plan leaves them to a VLM.

    Raises:
        FileNotFoundError: the run directory holds no plan.
        ValueError: the plan wants a VLM, and it is not the one that is given.
        VlmUnavailable: the VLM does not answer; what is finished is kept.
    """
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")  # read once, when the executor's logger is imported
    run = RunDirectory(run_url)
    plan = read_plan(run)
    _check_eyes(plan, eyes)
    before = _finished(run)
    loads = 0
    for turn in range(1, MAX_TURNS + 1):
        wave = chunks(plan, turn)
        _ask_for_prompts(run, wave, eyes)
        loads += _run_wave(run, wave, workers, options)
    finished = _finished(run)
    failures = [failure for turn in range(1, MAX_TURNS + 1) for failure in read_failures(run, turn)]
    return RunReport(len(plan), finished, finished - before, loads, tuple(failures))


def _check_eyes(plan: Sequence[PlannedEdit], eyes: Eyes | None) -> None:
    wanted = {edit.prompt_by for edit in plan if edit.prompt_by}
    if wanted and (eyes is None or wanted != {eyes.vlm.name}):
        given = f"not {eyes.vlm.name}" if eyes else "name it with --vlm"
        raise ValueError(f"the plan leaves the prompts to the VLM {', '.join(sorted(wanted))}: {given}")


def _ask_for_prompts(run: RunDirectory, wave: Sequence[Chunk], eyes: Eyes | None) -> None:
    """Before a turn's edits; the VLM's memory is free again when they begin."""
    waiting = [edit for edit in to_make(run, [edit for chunk in wave for edit in chunk.edits]) if edit.prompt_by]
    if not waiting or eyes is None:
        return
    from generation.vlm.door import open_vlm
    from generation.written_prompts import write_prompts

    vlm = open_vlm(eyes.vlm)
    try:
        write_prompts(run, waiting, vlm, eyes.archive(run))
    finally:
        vlm.close()


def _finished(run: RunDirectory) -> int:
    return sum(len(run.finished(turn)) for turn in range(1, MAX_TURNS + 1))


def _run_wave(run: RunDirectory, wave: Sequence[Chunk], workers: int, options: WorkerOptions) -> int:
    """Hands a turn to the executor, again when a worker was killed; how many models that loaded."""
    from generation.executor import WorkerKilled

    edits = [edit for chunk in wave for edit in chunk.edits]
    remaining = len(to_make(run, edits))
    while remaining:
        try:
            with _Progress(run, edits):
                return _model_loads(_executor(run, edits[0].turn, len(wave), workers, options).run())
        except WorkerKilled:
            still = len(to_make(run, edits))
            if still == remaining:  # the same edit would kill the next worker too
                raise
            remaining = still
    return 0


def _executor(run: RunDirectory, turn: int, tasks: int, workers: int, options: WorkerOptions) -> Any:
    import multiprocess

    from generation.executor import QuietLocalExecutor
    from generation.worker import EditChunk

    multiprocess.get_context("forkserver").set_forkserver_preload(list(PRELOADED))
    return QuietLocalExecutor(
        pipeline=[EditChunk(run.url, turn, options)],
        tasks=tasks,
        workers=min(workers, tasks),
        logging_dir=f"{run.url.rstrip('/')}/{LOGS}/turn-{turn}",
        skip_completed=False,  # the records say what is finished; a second memory of it could disagree
    )


def _model_loads(stats: Any) -> int:
    return int(sum(step["model loads"].total for step in stats.stats if "model loads" in step.stats))


class _Progress:
    """A bar that follows the records of a wave, whoever writes them."""

    def __init__(self, run: RunDirectory, edits: Sequence[PlannedEdit]):
        self._run, self._turn = run, edits[0].turn
        self._images = {edit.image for edit in edits}
        self._stop = threading.Event()
        self._bar = tqdm(total=len(edits), desc=f"turn {self._turn}", unit="edit", initial=self._count())
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def _count(self) -> int:
        return len(self._images & self._run.finished(self._turn))

    def _follow(self) -> None:
        while not self._stop.wait(1):
            self._bar.update(self._count() - self._bar.n)

    def __enter__(self) -> "_Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._bar.update(self._count() - self._bar.n)
        self._bar.close()
