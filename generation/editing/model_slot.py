"""Keeps one loaded generator in memory, and makes it fit when memory runs out.

A call that does not fit is made in halves; an image that does not fit alone is made with the next placement, which
needs less memory and more time. What worked is remembered for the run.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from builder.run.directory import RunDirectory
from builder.run.records import write_load
from generation.editing.executors.worker_process import worker_number
from generation.editing.memory_limits import read_limit, write_limit
from generation.editing.waves import Work
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.generators.pipelines import memory
from generation.generators.pipelines.inpainter import Inpainter
from generation.generators.pipelines.memory import Placement

Item = TypeVar("Item")
Result = TypeVar("Result")


class OutOfMemory(ValueError):
    """One image does not fit, whatever the placement; the message says so."""


@dataclass
class ModelSlot:
    """One loaded generator, reused from chunk to chunk.

    Attributes:
        key: tells which generator is loaded, for which run and with which options; None where none is.
        inpainter: the generator; None where none is loaded.
        placement: how the loaded generator uses memory; its `batch` is the largest that is known to fit.
    """

    key: tuple | None = None
    inpainter: Inpainter | None = None
    placement: Placement = field(default=Placement("resident", tiled=False, batch=1))

    def load(self, run: RunDirectory, work: Work, options: WorkerOptions) -> None:
        """Loads the generator of an edit or a picture, unless it is loaded.

        Raises:
            CheckpointError: the weights are missing, gated or damaged.
            OutOfMemory: they do not fit, whatever the placement.
        """
        if self.key == _key(run, work, options):
            return
        self.clear()
        device = worker_device(options.device)
        model, name = (work.checkpoint, work.lora), memory.device_name(device)
        planned = read_limit(run, work.generator, model, name) or registry.plan_placement(
            work.generator,
            work.checkpoint,
            device=device,
            batch_size=options.batch_size,
            replacements=dict(options.replacements),
        )
        self._load(run, work, options, device, planned)

    def _load(
        self, run: RunDirectory, work: Work, options: WorkerOptions, device: str, placement: Placement
    ) -> None:
        """Loads a generator with a placement, or with the first after it that its weights fit."""
        self.clear()
        started, error = time.perf_counter(), ""
        for each in _from(work.generator, placement):
            error = ""
            try:
                self.inpainter = registry.load(
                    work.generator,
                    work.checkpoint,
                    lora=work.lora,
                    device=device,
                    replacements=dict(options.replacements),
                    placement=each,
                )
            except MemoryError as raised:
                error = str(raised)
            if not error:
                self.key, self.placement = _key(run, work, options), each
                write_load(run, work.turn, work.generator, time.perf_counter() - started, device)
                return
        raise OutOfMemory(f"its weights do not fit {device}: {error}")

    def run(
        self,
        run: RunDirectory,
        work: Work,
        options: WorkerOptions,
        items: Sequence[Item],
        call: Callable[[Inpainter, Sequence[Item]], list[Result]],
    ) -> list[Result]:
        """Calls a function with the generator for all items, as many at a time as fit.

        Args:
            run: the run directory.
            work: an edit or a picture of the generator.
            options: the worker's options.
            items: what the function takes, in order.
            call: raises MemoryError if its items do not fit.

        Raises:
            CheckpointError: the weights are missing, gated or damaged.
            OutOfMemory: an item does not fit alone, whatever the placement.
        """
        self.load(run, work, options)
        made: list[Result] = []
        while len(made) < len(items):
            part = items[len(made) : len(made) + min(self.placement.batch, options.batch_size)]
            assert self.inpainter is not None
            error = ""
            try:
                made += call(self.inpainter, part)
            except MemoryError as raised:
                error = str(raised)
            if error:  # outside of the handler, which would keep what the failed call held
                self._save_memory(run, work, options, len(part), error)
        return made

    def _save_memory(self, run: RunDirectory, work: Work, options: WorkerOptions, tried: int, error: str) -> None:
        device = worker_device(options.device)
        if tried > 1:
            self.placement = dataclasses.replace(self.placement, batch=tried // 2)
        elif (following := registry.next_placement(work.generator, self.placement)) is not None:
            self._load(run, work, options, device, following)
        else:
            raise OutOfMemory(f"one image does not fit {device} ({self.placement.weights}): {error}")
        write_limit(run, work.generator, (work.checkpoint, work.lora), memory.device_name(device), self.placement)

    def clear(self) -> None:
        if self.inpainter is not None:
            self.inpainter.unload()
        self.inpainter, self.key = None, None


def _key(run: RunDirectory, work: Work, options: WorkerOptions) -> tuple:
    return (run.url, work.generator, work.checkpoint, work.lora, options)


def _from(generator: str, placement: Placement) -> Iterator[Placement]:
    """A placement and those after it, which need less memory."""
    following: Placement | None = placement
    while following is not None:
        yield following
        following = registry.next_placement(generator, following)


SLOT = ModelSlot()
"""Global, one per process: the executor copies its steps for every task, and a loaded model has to outlast
them."""


def release_model() -> None:
    """Frees the memory of the generator that this process has loaded, if any."""
    SLOT.clear()


def worker_device(device: str) -> str:
    """Resolves `cuda` to `cuda:N`, N by the worker process's number modulo the GPUs; other names are unchanged."""
    if device != "cuda":
        return device
    import torch

    return f"cuda:{(worker_number() or 0) % torch.cuda.device_count()}"
