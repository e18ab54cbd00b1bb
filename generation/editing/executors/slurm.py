"""datatrove's executor for a Slurm cluster: one job array per wave, which waits for the previous one."""

from collections.abc import Sequence

from datatrove.executor.slurm import SlurmPipelineExecutor
from datatrove.pipeline.base import PipelineStep

from generation.editing.executors.options import ExecutorOptions, SlurmOptions


def submit_waves(steps: Sequence[PipelineStep], options: ExecutorOptions, logs: Sequence[str]) -> list[str]:
    """Submits one job array per wave and returns without waiting for them.

    A wave starts when the previous one has ended, successfully or not. Edits whose earlier turn is unfinished are
    not made; the next submission makes them.

    Args:
        steps: the pipeline step of each wave, in order.
        options: with `slurm` set.
        logs: a folder for each wave.

    Returns:
        The job ids of the waves.

    Raises:
        FileNotFoundError: there is no `sbatch` on this machine.
        subprocess.CalledProcessError: `sbatch` refused.
    """
    slurm, before, jobs = options.slurm, None, []
    if slurm is None:
        raise ValueError("the executor's options lack `slurm`: give SlurmOptions")
    for number, (step, folder) in enumerate(zip(steps, logs, strict=True), start=1):
        wave = _executor(step, slurm, options.workers, f"diffseg30k-{number}", folder, before)
        wave.launch_job()
        jobs.append(str(wave.job_id))
        before = wave.job_id
    return jobs


def _executor(
    step: PipelineStep, slurm: SlurmOptions, workers: int, name: str, logs: str, before: str | None
) -> SlurmPipelineExecutor:
    return SlurmPipelineExecutor(
        pipeline=[step],
        tasks=workers,
        time=slurm.time,
        partition=slurm.partition,
        qos=slurm.qos,
        cpus_per_task=slurm.cpus,
        mem_per_cpu_gb=slurm.memory_gb,
        gpus_per_task=slurm.gpus,
        env_command=slurm.setup or None,
        sbatch_args=dict(slurm.sbatch),
        job_name=name,
        depends_job_id=before,
        run_on_dependency_fail=True,
        logging_dir=logs,
        skip_completed=False,  # edit records decide what is finished
    )
