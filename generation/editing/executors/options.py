"""Where a wave runs, and with how many workers."""

from dataclasses import dataclass, field
from typing import Literal

ExecutorKind = Literal["local", "ray", "slurm"]


@dataclass(frozen=True)
class SlurmOptions:
    """What sbatch is told.

    Attributes:
        partition: to submit to.
        time: limit of a job, such as `24:00:00`; a job that reaches it is finished by the next submission.
        qos: quality of service; empty for none.
        cpus: processor cores a job.
        memory_gb: gigabytes of memory a core.
        gpus: GPUs a job.
        setup: a shell command before the work, such as `source env/bin/activate`.
        sbatch: further sbatch options, such as `("account", "me")`.
    """

    partition: str
    time: str = "24:00:00"
    qos: str = ""
    cpus: int = 4
    memory_gb: int = 8
    gpus: int = 1
    setup: str = ""
    sbatch: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class ExecutorOptions:
    """Where a wave runs.

    Attributes:
        kind: `local` is this machine.
        workers: processes that edit at the same time, on all machines of the executor together.
        shared: other machines work on the run at the same time, each by a command of its own; only for `local`.
        address: of the Ray cluster; `local` starts one on this machine.
        gpus: GPUs that each worker gets; 0 on processors.
        slurm: only for `slurm`.
    """

    kind: ExecutorKind = "local"
    workers: int = 1
    shared: bool = False
    address: str = "auto"
    gpus: int = 0
    slurm: SlurmOptions | None = field(default=None)

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"--workers {self.workers}: at least one")
        if (self.kind == "slurm") != (self.slurm is not None):
            raise ValueError("--executor slurm needs --partition, and only that takes one")
        if self.slurm is not None and not self.slurm.partition:
            raise ValueError("--executor slurm needs --partition: `sinfo -s` lists the cluster's")
