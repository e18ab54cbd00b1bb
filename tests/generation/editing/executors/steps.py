"""Steps for worker processes, which have to find them by an import."""

import os
import time
from pathlib import Path
from unittest.mock import patch

from datatrove.pipeline.base import PipelineStep

from generation.editing import model_slot, worker

EditWave = worker.EditWave


class WritesItsProcess(PipelineStep):
    """Writes the process id of its worker to a file of its rank."""

    def __init__(self, folder: str):
        super().__init__()
        self.folder = folder

    def run(self, data: None, rank: int = 0, world_size: int = 1) -> None:
        Path(self.folder, f"rank-{rank}").write_text(str(os.getpid()))


class Awkward(Exception):
    """An error that pickle cannot bring back."""

    def __init__(self, *, reason: str):
        super().__init__(reason)


class RaisesAwkwardly(PipelineStep):
    def run(self, data: None, rank: int = 0, world_size: int = 1) -> None:
        raise Awkward(reason="there is no room")


class AsksForCuda(EditWave):
    """A wave that makes nothing and writes whether its worker could use CUDA, and which GPU it would use."""

    def run(self, data: None, rank: int = 0, world_size: int = 1) -> None:
        import diffusers  # noqa: F401  as the real wave does
        import torch

        folder = Path(self.run_url)
        with patch("torch.cuda.device_count", lambda: 2):
            device = model_slot.worker_device(self.options.device)
        (folder / f"cuda-{rank}.new").write_text(f"{torch.cuda._is_in_bad_fork()} {device}")
        (folder / f"cuda-{rank}.new").rename(folder / f"cuda-{rank}")
        while len(list(folder.glob("cuda-?"))) < world_size:  # each task has its worker
            time.sleep(0.01)
