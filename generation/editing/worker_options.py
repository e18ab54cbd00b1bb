"""The options of a worker: device, batch size, replaced checkpoints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerOptions:
    """The options of a worker. On a CPU, edits made with `batch_size` 1 are repeatable bit for bit.

    Attributes:
        device: `cpu`, `cuda` or `cuda:N`; with `cuda` the workers of this machine are spread over its GPUs.
        batch_size: edits per call of the model.
        replacements: pairs of a generator id and the folder or Hub id that replaces its checkpoint.
    """

    device: str = "cpu"
    batch_size: int = 1
    replacements: tuple[tuple[str, str], ...] = ()
