"""A worker of a wave: takes chunks, loads their generator, makes their edits and writes images, masks and
records."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from datatrove.pipeline.base import PipelineStep

from builder.encoding.images import decode_image, encode_image, encode_mask
from builder.run.bases import Base, bases_by_name
from builder.run.directory import PLAN, RunDirectory, image_path, mask_path
from builder.run.file_digest import REPAIR, DamagedFile, FileDigest, check
from builder.run.planned_edit import PlannedEdit, read_plan
from builder.run.planned_picture import read_pictures
from builder.run.records import (
    EditFailure,
    made_as_planned,
    read_record,
    write_failure,
    write_record,
)
from generation.checkpoints.checkpoint import CheckpointError
from generation.editing.background_io import BackgroundIo
from generation.editing.chunk_claims import Claims
from generation.editing.edit import EditFailed, Inpainted, inpaint
from generation.editing.model_slot import SLOT, OutOfMemory
from generation.editing.painting import paint_pictures
from generation.editing.waves import Chunk, FreeChunks, Planned, chunks, still_to_make
from generation.editing.worker_options import WorkerOptions
from generation.generators.pipelines.inpainter import Inpainter
from generation.prompts.vlm_prompts import WrittenPrompts


@dataclass(frozen=True)
class Before:
    """The image that an edit begins from.

    Attributes:
        pixels: (H, W, 3) uint8, RGB.
        sha256: of its file, hexadecimal.
    """

    pixels: np.ndarray
    sha256: str


@dataclass(frozen=True)
class Made:
    """An edit that is made and not written yet.

    Attributes:
        before: the SHA-256 of the file that it began from.
        seconds: what it took.
    """

    edit: PlannedEdit
    inpainted: Inpainted
    before: str
    seconds: float


@lru_cache(maxsize=1)
def _wave(run_url: str, turn: int) -> list[Chunk[PlannedEdit]]:
    return chunks(read_plan(RunDirectory(run_url)), turn)


class EditWave(PipelineStep):
    """The pipeline step of a worker: makes edits of a wave, or paints pictures, until no chunk is available.

    Args:
        run_url: the run directory.
        turn: the turn whose edits are made, 1 to 3; 0 for pictures.
        options: device, batch size and replaced checkpoints.
        session: workers of one session see each other's chunk claims.
        machine: prefix of the worker names of this machine, where machines share a session.
    """

    name = "edit"
    type = "generation"

    def __init__(self, run_url: str, turn: int, options: WorkerOptions, session: str, machine: str = ""):
        super().__init__()
        self.run_url = run_url
        self.turn = turn
        self.options = options
        self.session = session
        self.machine = machine

    def run(self, data: None, rank: int = 0, world_size: int = 1) -> None:
        run = RunDirectory(self.run_url)
        claims = Claims(run, self.session, self.turn, f"{self.machine}{rank:05d}")
        start = rank / world_size
        with BackgroundIo() as background_io:
            if self.turn == 0:
                pictures = chunks(read_pictures(run), 0)  # read anew: a plan may add pictures
                for number, planned in _claimed(run, pictures, claims, start, background_io):
                    heartbeat = partial(claims.refresh, number)
                    paint_pictures(run, planned, self.options, background_io, heartbeat)
                return
            prompts = WrittenPrompts(run)
            for number, edits in _claimed(run, _wave(self.run_url, self.turn), claims, start, background_io):
                heartbeat = partial(claims.refresh, number)
                make_edits(run, prompts.added_to(edits), self.options, background_io, heartbeat)


def _claimed(
    run: RunDirectory,
    wave: Sequence[Chunk[Planned]],
    claims: Claims,
    start: float,
    background_io: BackgroundIo,
) -> Iterator[tuple[int, list[Planned]]]:
    """Claims one chunk after the other; yields its number and what is still to be made of it.

    Args:
        start: where in the wave this worker begins to look, 0 to 1.
        background_io: the claim is withdrawn when it has written all that it was given.
    """
    free, last = FreeChunks(wave), None
    while (number := free.next(claims.held(), last, int(len(wave) * start))) is not None:
        if not still_to_make(run, wave[number].edits):
            free.close(number)
        elif claims.take(number):
            free.close(number)
            yield number, still_to_make(run, wave[number].edits)
            background_io.when_written(partial(claims.drop, number))
            last = number


def make_edits(
    run: RunDirectory,
    edits: Sequence[PlannedEdit],
    options: WorkerOptions,
    background_io: BackgroundIo,
    heartbeat: Callable[[], None] = lambda: None,
) -> None:
    """Makes edits of one chunk; for an edit that fails its reason is written.

    The last batch is on disk only after `background_io.finish()`.

    Args:
        run: the run directory.
        edits: unfinished edits of one turn and one model, with their prompts.
        options: device, batch size and replaced checkpoints.
        background_io: reads and writes the images.
        heartbeat: called before each batch, to renew the chunk's claim.
    """
    import torch

    torch.set_num_threads(1)  # the thread count selects the kernels, and so the last bits of a result
    batches = [edits[at : at + options.batch_size] for at in range(0, len(edits), options.batch_size)]
    next_images = _read_all(background_io, run, batches[0]) if batches else []
    for batch, following in zip(batches, [*batches[1:], []], strict=True):
        heartbeat()
        images, next_images = next_images, _read_all(background_io, run, following)
        try:
            SLOT.load(run, batch[0], options)
        except (CheckpointError, OutOfMemory) as error:
            _fail(run, edits, str(error))
            return
        made = _make_batch(run, batch, images, options)
        background_io.write([partial(_write, run, one) for one in made])


def _read_all(
    background_io: BackgroundIo, run: RunDirectory, edits: Sequence[PlannedEdit]
) -> list[Future[Before]]:
    return background_io.read([partial(_before, run, edit) for edit in edits])


def _make_batch(
    run: RunDirectory, edits: Sequence[PlannedEdit], images: Sequence[Future[Before]], options: WorkerOptions
) -> list[Made]:
    """Inpaints a batch; one that fails is retried in halves."""
    started = time.perf_counter()
    try:
        before = [image.result() for image in images]
        pairs = list(zip(edits, (each.pixels for each in before), strict=True))
        made = SLOT.run(run, edits[0], options, pairs, _inpaint)
    except (EditFailed, OutOfMemory, CheckpointError) as error:
        if len(edits) == 1:
            _fail(run, edits, str(error))
            return []
        half = len(edits) // 2
        parts = ((edits[:half], images[:half]), (edits[half:], images[half:]))
        return [one for part in parts for one in _make_batch(run, *part, options)]
    seconds = (time.perf_counter() - started) / len(edits)
    return [Made(edit, one, each.sha256, seconds) for edit, one, each in zip(edits, made, before, strict=True)]


def _inpaint(inpainter: Inpainter, pairs: Sequence[tuple[PlannedEdit, np.ndarray]]) -> list[Inpainted]:
    return inpaint(inpainter, [edit for edit, _ in pairs], [image for _, image in pairs])


@lru_cache(maxsize=1)
def _bases(run_url: str) -> dict[str, Base]:
    return bases_by_name(RunDirectory(run_url))


def _written(run: RunDirectory, edit: PlannedEdit) -> FileDigest | None:
    """What was written as the image that an edit begins from; None in a run of an earlier version."""
    if edit.turn > 1:
        return read_record(run, edit.image, edit.turn - 1).image_file
    base = _bases(run.url).get(edit.image)
    return base.digest if base else None


def _before(run: RunDirectory, edit: PlannedEdit) -> Before:
    """Reads the image after the previous turn."""
    path = image_path(edit.image, edit.turn - 1)
    try:
        data = run.read(path)  # unreachable storage stops the worker instead of failing the edit
    except FileNotFoundError as error:
        if not run.exists(PLAN):
            raise FileNotFoundError(f"{run.url}: the run directory is missing; is its storage mounted?") from error
        raise EditFailed(f"{path} is missing: {REPAIR}") from error
    try:
        check(data, _written(run, edit), path)
        return Before(decode_image(data), FileDigest.of(data).sha256)
    except DamagedFile as error:
        raise EditFailed(f"{error}: {REPAIR}") from error
    except (OSError, EOFError, SyntaxError, ValueError) as error:
        raise EditFailed(f"{path} cannot be read: {error}") from error


def _write(run: RunDirectory, made: Made) -> None:
    edit, outcome = made.edit, made.inpainted.finish()
    image, mask = encode_image(outcome.image), encode_mask(outcome.mask)
    run.write(image_path(edit.image, edit.turn), image)
    run.write(mask_path(edit.image, edit.turn), mask)
    record = made_as_planned(
        edit,
        mask_area=float(outcome.mask.mean()),
        inside_change=outcome.inside_change,
        outside_change=outcome.outside_change,
        seconds=round(made.seconds, 3),
        image_file=FileDigest.of(image),
        mask_file=FileDigest.of(mask),
        input_sha256=made.before,
    )
    write_record(run, edit.image, record)


def _fail(run: RunDirectory, edits: Sequence[PlannedEdit], reason: str) -> None:
    for edit in edits:
        write_failure(run, EditFailure(edit.image, edit.turn, edit.generator, reason))
