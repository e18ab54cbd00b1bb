"""Runs a wave in worker processes of this machine: datatrove's local executor on a standard library process
pool."""

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
"""Imported once, by the fork server, instead of by each worker in each wave."""


class WorkerKilled(ChildProcessError):
    """A worker process was killed, so its chunk is not finished."""


class PoolExecutor(LocalPipelineExecutor):
    """Runs datatrove tasks in worker processes that are reused, so that a loaded model stays in memory between
    tasks.

    The console shows errors only; the log files in `logging_dir` hold everything. A task that fails ends the
    others. With one worker the tasks run in the calling process.
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
        return [deepcopy(self)._run_for_rank(rank) for rank in ranks]  # statistics are counted per task

    def _in_processes(self, ranks: Sequence[int]) -> list[PipelineStats]:
        try:
            with worker_pool(min(self.workers, len(ranks)), self.start_method) as pool:
                with _environment(_worker_environment()):
                    tasks = [pool.submit(_run_task, self, rank) for rank in ranks]
                    # The pool's manager thread watches the processes that existed when it last woke, and `submit`
                    # wakes it before starting a process. An additional task wakes it when all processes exist.
                    pool.submit(os.getpid)
                return [task.result() for task in as_completed(tasks)]
        except BrokenProcessPool as error:
            raise WorkerKilled("a worker process was killed; is there enough memory?") from error

    def _run_for_rank(self, rank: int, local_rank: int = 0, node_rank: int = -1) -> PipelineStats:
        # datatrove prints the log of local rank 0, and only errors of other ranks
        return super()._run_for_rank(rank, local_rank=local_rank + 1, node_rank=node_rank)


def _run_task(executor: PoolExecutor, rank: int) -> PipelineStats:
    """Runs a task in a worker process, and replaces an error that cannot be pickled by one that can."""
    try:
        return executor._run_for_rank(rank)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error
        raise


def _worker_environment() -> dict[str, str]:
    """Sets the environment variables with which the fork server and the workers start.

    They import modules from the command's `sys.path`, without the working directory: a packed dataset there is a
    folder named `diffseg30k`, like our module.
    """
    return {
        COMMAND: str(os.getpid()),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONSAFEPATH": "1",
        "PYTHONWARNINGS": os.environ.get("PYTHONWARNINGS", "ignore::FutureWarning"),  # deprecation warnings
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
    """`spawn` for GPUs: the fork server's import of diffusers initialises CUDA, which does not survive a fork."""
    if device == "cpu" and "forkserver" in multiprocessing.get_all_start_methods():
        return "forkserver"
    return "spawn"


def local_executor(step: PipelineStep, workers: int, logs: str, device: str = "cpu") -> PoolExecutor:
    """An executor with one process per worker on this machine; a single worker runs in the calling process.

    Args:
        step: the pipeline step that each worker runs; its rank is the worker's number.
        workers: number of tasks and of processes.
        logs: folder of the log files.
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
        skip_completed=False,  # edit records decide what is finished
    )
