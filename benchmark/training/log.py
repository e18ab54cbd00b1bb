"""Writes a training's TensorBoard log, and measures the time spent waiting for images."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator


class Clock:
    """Measures the duration of training, and the part of it spent waiting for images.

    Args:
        batch_size: images per step, over all processes.
    """

    def __init__(self, batch_size: int):
        self.batch_size = batch_size
        self.loss: float | None = None
        self.steps = 0
        self._waited = 0.0
        self._started: float | None = None
        self._stopped: float | None = None

    def waiting_for(self, batches: Iterator) -> Iterator:
        """Yields the batches and measures the waiting. The first batch, which starts the workers, is not
        counted."""
        yield next(batches)
        self._started = time.perf_counter()
        while True:
            asked = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self._waited += time.perf_counter() - asked
            self.steps += 1
            yield batch

    def stop(self) -> None:
        self._stopped = time.perf_counter()

    @property
    def seconds(self) -> float:
        if self._started is None:
            return 0.0
        return (self._stopped or time.perf_counter()) - self._started

    @property
    def data_share(self) -> float:
        """Share of the time spent waiting for images, 0 to 1."""
        return self._waited / self.seconds if self.seconds else 0.0

    @property
    def images_per_second(self) -> float:
        return self.steps * self.batch_size / self.seconds if self.seconds else 0.0


class Log:
    """Writes scalars for TensorBoard to `out`/logs, in the main process only.

    Args:
        out: the training's output folder.
        step: first step of this session; later steps that an earlier session logged are hidden.
        main: whether this is the main process.
    """

    def __init__(self, out: str, step: int, main: bool):
        self._writer = None
        if main:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise ImportError("the log needs tensorboard: pip install 'diffseg30k[benchmark]'") from error
            self._writer = SummaryWriter(os.path.join(out, "logs"), purge_step=step or None)

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_) -> None:
        if self._writer:
            self._writer.close()

    def add(self, name: str, value: float, step: int) -> None:
        if self._writer:
            self._writer.add_scalar(name, value, step)

    def write(self, step: int, rate: float, clock: Clock) -> None:
        """Logs loss, learning rate and speed."""
        if clock.loss is not None:
            self.add("train/loss", clock.loss, step)
        self.add("train/learning_rate", rate, step)
        self.add("speed/images_per_second", clock.images_per_second, step)
        self.add("speed/data_share", clock.data_share, step)
