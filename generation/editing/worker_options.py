"""How a worker works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker works; none of it changes an edit's pixels on a CPU.

    Attributes:
        device: `cpu`, `cuda`, `cuda:N`; `cuda` gives each worker of this machine a GPU of its own.
        batch_size: edits that go through the model together.
        replacements: pairs of a generator id and the folder or Hub id that replaces its checkpoint.
    """

    device: str = "cpu"
    batch_size: int = 1
    replacements: tuple[tuple[str, str], ...] = ()
