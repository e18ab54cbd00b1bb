"""datatrove's local executor: quiet, and not waiting for ever when a worker is killed."""

import os
import signal
import threading
from contextlib import contextmanager
from typing import Any

import multiprocess
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from multiprocess import forkserver

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
    "diffusers.schedulers.scheduling_ddpm",
    "generation.generators.glide.pipeline",
)
"""Imported once, in the process that workers are forked from, and not once per worker and wave."""


class WorkerKilled(ChildProcessError):
    """A worker process was killed from outside, so the chunk it was at is not finished."""


class QuietLocalExecutor(LocalPipelineExecutor):
    """Logs errors alone to the console; the log files in `logging_dir` hold everything.

    Raises:
        WorkerKilled: from `run`, when a worker process died. What was finished is on disk.
    """

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> Any:
        # datatrove shows the log of local rank 0 and only the errors of the others
        return super()._run_for_rank(rank, local_rank=local_rank + 1, node_rank=node_rank)

    def run(self) -> Any:
        with _interrupt_if_a_worker_dies(self.workers):
            return super().run()


@contextmanager
def _interrupt_if_a_worker_dies(workers: int):
    """A process pool replaces a killed worker in silence and waits for its task for ever; this interrupts it."""
    died, stop = threading.Event(), threading.Event()
    main = threading.current_thread()
    main_id = threading.get_ident()

    def watch() -> None:
        first: set[str] = set()
        while not stop.wait(0.5):
            names = {child.name for child in multiprocess.active_children() if "PoolWorker" in child.name}
            if len(first) < workers:
                first |= names
            if names - first or len(first) > workers:
                died.set()
                signal.pthread_kill(main_id, signal.SIGINT)
                return

    watcher = threading.Thread(target=watch, daemon=True)
    if workers > 1 and main is threading.main_thread():
        watcher.start()
    try:
        yield
    except KeyboardInterrupt:
        if died.is_set():
            raise WorkerKilled("a worker process was killed; is there enough memory?") from None
        raise
    finally:
        stop.set()
        if watcher.ident is not None:
            watcher.join()


@contextmanager
def _no_imports_from_here():
    """A packed dataset in the working directory is a folder named as our module, and Python would import it."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        del os.environ["PYTHONSAFEPATH"]
        if before is not None:
            os.environ["PYTHONSAFEPATH"] = before


def local_executor(step: PipelineStep, workers: int, logs: str) -> QuietLocalExecutor:
    """One process a worker on this machine, forked with every pipeline imported."""
    multiprocess.get_context("forkserver").set_forkserver_preload(list(PRELOADED))
    with _no_imports_from_here():
        forkserver.ensure_running()
    return QuietLocalExecutor(
        pipeline=[step],
        tasks=workers,
        workers=workers,
        logging_dir=logs,
        skip_completed=False,  # the records say what is finished; a second memory of it could disagree
    )
