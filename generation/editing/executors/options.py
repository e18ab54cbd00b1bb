"""The options of executors: local, Ray or Slurm, and the number of workers."""

from dataclasses import dataclass, field
from typing import Literal

ExecutorKind = Literal["local", "ray", "slurm"]


@dataclass(frozen=True)
class SlurmOptions:
    """The options of sbatch.

    Attributes:
        partition: the partition to submit to.
        time: limit of a job, such as `24:00:00`; a job that reaches it is finished by the next submission.
        qos: quality of service; empty for none.
        cpus: processor cores per job.
        memory_gb: gigabytes of memory per core.
        gpus: GPUs per job.
        setup: a shell command that each job runs first, such as `source env/bin/activate`.
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
    """Which executor runs a wave, and with how many workers.

    Attributes:
        kind: `local` (this machine), `ray` or `slurm`.
        workers: processes that edit at the same time, on all machines of the executor together.
        shared: other machines edit the same run, each started by its own command; only for `local`.
        address: address of the Ray cluster; `local` starts one on this machine.
        gpus: GPUs per worker; 0 runs on processors.
        slurm: the options of sbatch; only for `slurm`.
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
            raise ValueError("--partition belongs to --executor slurm, which needs one")
        if self.slurm is not None and not self.slurm.partition:
            raise ValueError("--executor slurm needs --partition: `sinfo -s` lists the cluster's")
