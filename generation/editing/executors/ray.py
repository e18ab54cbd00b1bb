"""datatrove's executor for a Ray cluster."""

import logging

from datatrove.executor.ray import RayPipelineExecutor
from datatrove.pipeline.base import PipelineStep

from generation.editing.executors.options import ExecutorOptions


def ray_executor(step: PipelineStep, options: ExecutorOptions, logs: str) -> RayPipelineExecutor:
    """An executor with one Ray job per worker, on any machine with free resources; Ray restarts a job that dies.

    The project has to be installed on every machine, and the run directory reachable from each.

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: there is no cluster at `options.address`.
    """
    _connect(options.address)
    return RayPipelineExecutor(
        pipeline=[step],
        tasks=options.workers,
        workers=options.workers,
        gpus_per_task=options.gpus,
        logging_dir=logs,
        skip_completed=False,  # edit records decide what is finished
    )


def _connect(address: str) -> None:
    try:
        import ray
    except ImportError as error:
        raise ImportError("--executor ray needs Ray: pip install 'diffseg30k[distributed]'") from error
    if not ray.is_initialized():
        alone = address == "local"
        ray.init(address=None if alone else address, log_to_driver=False, logging_level=logging.ERROR)
