"""Tries generators: one edit of a sample photograph by each, with what it takes.

Each generator runs in a process of its own, so that its peak memory is its own and one that is killed costs only
itself.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np
from PIL import Image

from builder.encoding.whole_file import whole_file
from builder.run.directory import RunDirectory
from builder.run.planned_edit import PlannedEdit, encode_region
from generation.checkpoints.checkpoint import CheckpointError
from generation.editing.edit import EditFailed, inpaint
from generation.editing.model_slot import ModelSlot, OutOfMemory, worker_device
from generation.editing.worker_options import WorkerOptions
from generation.generators.entries import entry_of
from generation.generators.registry import sampling_of
from generation.generators.settings import GeneratorSettings

GIB = 2**30
PROMPT = "a bowl of fruit"
HEADINGS = ("generator", "placement", "load", "edit", "edits an hour", "peak memory", "picture")


@dataclass(frozen=True)
class Trial:
    """What one edit by a generator took.

    Attributes:
        generator: its short id.
        checkpoint: its weights.
        problem: why there is no edit; None where there is one. The numbers are then 0.
        placement: how it used the device's memory, one of `memory.PLACEMENTS`.
        load_seconds: what loading took, without a download.
        seconds: what the edit took.
        peak_bytes: largest memory of the device that was in use; of the process, on a processor.
        picture: a file with the photograph, the region and the edited photograph side by side.
    """

    generator: str
    checkpoint: str
    problem: str | None = None
    placement: str = ""
    load_seconds: float = 0.0
    seconds: float = 0.0
    peak_bytes: int = 0
    picture: str = ""

    def row(self) -> tuple[str, ...]:
        """The cells under HEADINGS."""
        if self.problem:
            return (self.generator, "failed", "", "", "", "", "")
        return (
            self.generator,
            self.placement,
            f"{self.load_seconds:.1f} s",
            f"{self.seconds:.1f} s",
            f"{3600 / self.seconds:,.0f}",
            f"{self.peak_bytes / GIB:.1f} GiB",
            self.picture,
        )


def try_generators(
    settings: Sequence[GeneratorSettings], options: WorkerOptions, out: str, seed: int = 0
) -> Iterator[Trial]:
    """Makes one edit of a sample photograph by each generator; yields each trial when it is done.

    Args:
        settings: the generators' settings.
        options: device and replaced checkpoints.
        out: folder of the pictures; it is made.
        seed: seed of the noise.
    """
    context = multiprocessing.get_context("spawn")
    for each in settings:
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            try:
                yield pool.submit(_try, each, options, out, seed).result()
            except BrokenProcessPool:
                yield Trial(each.generator, each.checkpoint, "its process was killed; is there enough memory?")


def _try(settings: GeneratorSettings, options: WorkerOptions, out: str, seed: int) -> Trial:
    import_module("diffusers.pipelines.pipeline_utils")  # it takes seconds, which are no part of a load
    device, name = worker_device(options.device), settings.generator
    entry = entry_of(name, settings.checkpoint)
    image, mask = sample(sampling_of(entry, settings.checkpoint).side)
    edit = _planned(settings, mask, seed)
    slot = ModelSlot()
    with tempfile.TemporaryDirectory() as folder:
        run = RunDirectory(folder)
        try:
            started = time.perf_counter()
            slot.load(run, edit, options)
            loaded = time.perf_counter()
            _forget_peak(device)
            made = slot.run(run, edit, options, [edit], lambda model, edits: inpaint(model, edits, [image]))[0]
        except (CheckpointError, OutOfMemory, EditFailed) as error:
            return Trial(name, settings.checkpoint, str(error))
    seconds = time.perf_counter() - loaded
    picture = Path(out) / f"{name}.png"
    with whole_file(picture) as file:
        _side_by_side(image, mask, made.finish().image).save(file, format="PNG")
    return Trial(
        generator=name,
        checkpoint=settings.checkpoint,
        placement=slot.placement.weights,
        load_seconds=loaded - started,
        seconds=seconds,
        peak_bytes=_peak(device),
        picture=str(picture),
    )


def sample(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A photograph, (side, side, 3) uint8, and one of its objects, (side, side) bool."""
    from skimage import data

    from generation.generators.masks import touched_cells
    from generation.generators.resize import resize_image

    whole = data.coffee()  # 400 by 600; the cup fills the middle
    square = np.ascontiguousarray(whole[:, 100:500])
    rows, columns = np.ogrid[:400, :400]
    cup = (rows - 135) ** 2 + (columns - 193) ** 2 < 125**2
    return resize_image(square, side), touched_cells(cup, side)


def _planned(settings: GeneratorSettings, mask: np.ndarray, seed: int) -> PlannedEdit:
    return PlannedEdit(
        image="sample",
        turn=1,
        generator=settings.generator,
        checkpoint=settings.checkpoint,
        lora=settings.lora,
        edit_type="attribute_change",
        object="cup",
        prompt=PROMPT,
        removal_prompt=None,
        region=encode_region(mask),
        side=len(mask),
        seed=seed,
        steps=settings.steps,
        guidance=settings.guidance,
        compositing="spliced",
    )


def _side_by_side(image: np.ndarray, mask: np.ndarray, edited: np.ndarray) -> Image.Image:
    shown = np.where(mask[..., None], image // 3 + np.array([170, 40, 40], np.uint8), image)
    return Image.fromarray(np.concatenate([image, shown, edited], axis=1))


def _forget_peak(device: str) -> None:
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)


def _peak(device: str) -> int:
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
