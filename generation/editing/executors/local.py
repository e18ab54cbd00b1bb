"""datatrove's local executor: quiet, and not waiting for ever when a worker is killed."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

import multiprocess
from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from multiprocess import forkserver

PRELOADED = (
    "torch",
    "transformers",
    "generation.editing.worker",
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
        with _interrupt_if_a_worker_dies(self.workers), _children_die_with_us():
            return super().run()


@contextmanager
def _interrupt_if_a_worker_dies(workers: int):
    """A process pool replaces a killed worker in silence and waits for its task for ever; this interrupts it."""
    died, stop = threading.Event(), threading.Event()
    main = threading.current_thread()
    main_id = threading.get_ident()
    earlier = _newest("")

    def watch() -> None:
        while not stop.wait(0.5):
            # numbered in the order of their making: first datatrove's manager, then its pool's first workers
            manager = _newest("SyncManager")
            if manager > earlier and _newest("PoolWorker") > manager + workers:
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


_DYING = threading.local()


@contextmanager
def _children_die_with_us():
    """The executor forks a server for its queue, which would outlive a command that is killed, for ever."""
    _DYING.wanted = True
    try:
        yield
    finally:
        _DYING.wanted = False


def _die_with_parent() -> None:
    if getattr(_DYING, "wanted", False) and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


_PR_SET_PDEATHSIG = 1
os.register_at_fork(after_in_child=_die_with_parent)


def _newest(kind: str) -> int:
    """The highest number of this process's children of that kind; 0 where there is none."""
    children = multiprocess.active_children()
    return max((child._identity[-1] for child in children if kind in child.name), default=0)


FORK_SERVER = {"PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "ignore::FutureWarning"}
"""Its environment: a packed dataset in the working directory is a folder named as our module, and Python would
import it; and what libraries say of each other's next versions helps nobody here."""


@contextmanager
def _environment(variables: Mapping[str, str]):
    before = dict(os.environ)
    os.environ.update({name: value for name, value in variables.items() if name not in before})
    try:
        yield
    finally:
        for name in variables.keys() - before.keys():
            del os.environ[name]


def local_executor(step: PipelineStep, workers: int, logs: str) -> QuietLocalExecutor:
    """One process a worker on this machine, forked with every pipeline imported; one worker is this process."""
    if workers > 1:
        multiprocess.get_context("forkserver").set_forkserver_preload(list(PRELOADED))
        with _environment(FORK_SERVER):
            forkserver.ensure_running()
    return QuietLocalExecutor(
        pipeline=[step],
        tasks=workers,
        workers=workers,
        logging_dir=logs,
        skip_completed=False,  # the records say what is finished; a second memory of it could disagree
    )
