"""What a worker does with a chunk: load its generator once, make its edits, write each as it is finished."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from datatrove.pipeline.base import PipelineStep

from builder.encode import decode_image, encode_image, encode_mask
from builder.run_directory import (
    EditFailure,
    EditRecord,
    RunDirectory,
    image_path,
    mask_path,
    write_failure,
    write_record,
)
from generation.edit import EditFailed, EditOutcome, apply_edits
from generation.generators import registry
from generation.generators.checkpoints import CheckpointError
from generation.generators.inpainter import Inpainter
from generation.planned_edit import PlannedEdit, read_plan
from generation.waves import Chunk, chunks, to_make
from generation.worker_options import WorkerOptions
from generation.written_prompts import with_prompts


@dataclass
class ModelSlot:
    """The one generator that a process has in memory, kept from chunk to chunk."""

    key: tuple | None = None
    inpainter: Inpainter | None = None
    loads: int = 0

    def get(self, edit: PlannedEdit, options: WorkerOptions) -> Inpainter:
        key = (edit.generator, edit.checkpoint, edit.lora, options)
        if self.inpainter is None or key != self.key:
            self.clear()
            self.inpainter = registry.load(
                edit.generator,
                edit.checkpoint,
                lora=edit.lora,
                device=worker_device(options.device),
                replacements=dict(options.replacements),
            )
            self.key = key
            self.loads += 1
        return self.inpainter

    def clear(self) -> None:
        if self.inpainter is not None:
            self.inpainter.unload()
        self.inpainter, self.key = None, None


_SLOT = ModelSlot()
"""One a process: the executor copies its steps for every task, and a model must outlive them."""


def worker_device(device: str) -> str:
    """`cuda` made `cuda:N`, a different N for each worker process of this machine; others as they are."""
    if device != "cuda":
        return device
    import multiprocess
    import torch

    identity = multiprocess.current_process()._identity
    return f"cuda:{(identity[-1] - 1) % torch.cuda.device_count() if identity else 0}"


@lru_cache(maxsize=1)
def _wave(run_url: str, turn: int) -> list[Chunk]:
    return chunks(read_plan(RunDirectory(run_url)), turn)


class EditChunk(PipelineStep):
    """Makes the chunk whose number is the task's rank.

    Args:
        run_url: the run directory.
        turn: the wave.
        options: how to work.
    """

    name = "edit"
    type = "generation"

    def __init__(self, run_url: str, turn: int, options: WorkerOptions):
        super().__init__()
        self.run_url = run_url
        self.turn = turn
        self.options = options

    def run(self, data: None, rank: int = 0, world_size: int = 1) -> None:
        loads = _SLOT.loads
        make_edits(RunDirectory(self.run_url), _wave(self.run_url, self.turn)[rank].edits, self.options)
        self.stat_update("model loads", value=_SLOT.loads - loads)


def make_edits(run: RunDirectory, edits: Sequence[PlannedEdit], options: WorkerOptions) -> None:
    """Makes those edits of one chunk that are not finished; an edit that fails leaves its reason."""
    import torch

    torch.set_num_threads(1)  # other thread counts pick other kernels and so other last bits
    remaining = with_prompts(run, to_make(run, edits))
    if not remaining:
        return
    try:
        inpainter = _SLOT.get(remaining[0], options)
    except CheckpointError as error:
        _fail(run, remaining, str(error))
        return
    for at in range(0, len(remaining), options.batch_size):
        _make_batch(run, inpainter, remaining[at : at + options.batch_size])


def _make_batch(run: RunDirectory, inpainter: Inpainter, edits: Sequence[PlannedEdit]) -> None:
    images = [decode_image(run.read(image_path(edit.image, edit.turn - 1))) for edit in edits]
    started = time.perf_counter()
    try:
        outcomes = apply_edits(inpainter, edits, images)
    except EditFailed as error:
        if len(edits) == 1:
            _fail(run, edits, str(error))
            return
        for edit in edits:
            _make_batch(run, inpainter, [edit])
        return
    seconds = (time.perf_counter() - started) / len(edits)
    for edit, outcome in zip(edits, outcomes, strict=True):
        _write(run, edit, outcome, seconds)


def _write(run: RunDirectory, edit: PlannedEdit, outcome: EditOutcome, seconds: float) -> None:
    run.write(image_path(edit.image, edit.turn), encode_image(outcome.image))
    run.write(mask_path(edit.image, edit.turn), encode_mask(outcome.mask))
    write_record(
        run,
        edit.image,
        EditRecord(
            turn=edit.turn,
            generator=edit.generator,
            checkpoint=edit.checkpoint,
            lora=edit.lora,
            edit_type=edit.edit_type,
            object=edit.object,
            prompt=edit.prompt,
            seed=edit.seed,
            steps=edit.steps,
            guidance=edit.guidance,
            compositing=edit.compositing,
            mask_area=float(outcome.mask.mean()),
            inside_change=outcome.inside_change,
            outside_change=outcome.outside_change,
            seconds=round(seconds, 3),
        ),
    )


def _fail(run: RunDirectory, edits: Sequence[PlannedEdit], reason: str) -> None:
    for edit in edits:
        write_failure(run, EditFailure(edit.image, edit.turn, edit.generator, reason))
