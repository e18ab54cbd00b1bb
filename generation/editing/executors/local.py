"""datatrove's local executor on a process pool of the standard library: quiet, and it notices a killed worker."""

import multiprocessing
import os
import pickle
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from copy import deepcopy

from datatrove.executor.local import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.stats import PipelineStats

from generation.editing.executors.worker_process import COMMAND, worker_pool

PRELOAD = ("generation.editing.executors.preload",)
"""Imported once, by the process that workers are forked from, and not once per worker and wave."""


class WorkerKilled(ChildProcessError):
    """A worker process was killed from outside, so the chunk it was at is not finished."""


class PoolExecutor(LocalPipelineExecutor):
    """Runs the tasks in worker processes that stay from task to task, so that a loaded model can stay too.

    Logs errors alone to the console; the log files in `logging_dir` hold everything. A task that fails ends the
    others. One worker is this process.
    """

    def run(self) -> PipelineStats | None:
        """Runs the tasks that are not completed.

        Returns:
            datatrove's statistics; None where nothing was left to do.

        Raises:
            WorkerKilled: a worker process died; the others are ended. What was finished is on disk.
        """
        ranks = self.get_incomplete_ranks()
        if not ranks:
            return None
        self.save_executor_as_json()
        stats = sum(self._here(ranks) if self.workers == 1 else self._in_processes(ranks), start=PipelineStats())
        with self.logging_dir.open("stats.json", "wt") as file:
            stats.save_to_disk(file)
        return stats

    def _here(self, ranks: Sequence[int]) -> list[PipelineStats]:
        return [deepcopy(self)._run_for_rank(rank) for rank in ranks]  # each task counts by itself

    def _in_processes(self, ranks: Sequence[int]) -> list[PipelineStats]:
        try:
            with worker_pool(min(self.workers, len(ranks)), self.start_method) as pool:
                with _environment(_worker_environment()):
                    tasks = [pool.submit(_run_task, self, rank) for rank in ranks]
                    # A pool looks for dead processes among those that it had when it last woke up, and `submit`
                    # wakes it before it starts one. So one more wakes it with all of them there.
                    pool.submit(os.getpid)
                return [task.result() for task in as_completed(tasks)]
        except BrokenProcessPool as error:
            raise WorkerKilled("a worker process was killed; is there enough memory?") from error

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> PipelineStats:
        # datatrove shows the log of local rank 0 and only the errors of the others
        return super()._run_for_rank(rank, local_rank=local_rank + 1, node_rank=node_rank)


def _run_task(executor: PoolExecutor, rank: int) -> PipelineStats:
    """In a worker process. An error that cannot be sent to the command would look there like a killed worker."""
    try:
        return executor._run_for_rank(rank)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        raise


def _worker_environment() -> dict[str, str]:
    """What the fork server and the workers find in their environment when they start.

    They import what the command would: by its path, and not from the working directory, where a packed dataset
    is a folder with the name of our module.
    """
    return {
        COMMAND: str(os.getpid()),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONSAFEPATH": "1",
        "PYTHONWARNINGS": os.environ.get(
            "PYTHONWARNINGS", "ignore::FutureWarning"
        ),  # of the next versions' changes
    }


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_method(device: str) -> str:
    """Forked workers start quickly, but the fork server imports diffusers, which asks for CUDA: they cannot."""
    if device == "cpu" and "forkserver" in multiprocessing.get_all_start_methods():
        return "forkserver"
    return "spawn"


def local_executor(step: PipelineStep, workers: int, logs: str, device: str = "cpu") -> PoolExecutor:
    """One process a worker on this machine; one worker is this process.

    Args:
        step: what a worker does; its rank is the worker's number.
        workers: tasks, and processes.
        logs: a folder.
        device: `cpu`, `cuda` or `cuda:N`.
    """
    start_method = _start_method(device)
    if workers > 1 and start_method == "forkserver":
        multiprocessing.set_forkserver_preload(list(PRELOAD))
    return PoolExecutor(
        pipeline=[step],
        tasks=workers,
        workers=workers,
        logging_dir=logs,
        start_method=start_method,
        skip_completed=False,  # the records say what is finished; a second memory of it could disagree
    )
