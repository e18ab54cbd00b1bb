"""Paints base images from captions, as the worker of turn 0."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from builder.encoding.images import encode_image
from builder.run.directory import RunDirectory, base_path
from builder.run.planned_picture import PlannedPicture
from builder.run.records import EditFailure, write_failure
from generation.checkpoints.checkpoint import CheckpointError
from generation.editing.background_io import BackgroundIo
from generation.editing.model_slot import SLOT, OutOfMemory
from generation.editing.worker_options import WorkerOptions
from generation.generators.pipelines.inpainter import Inpainter
from generation.generators.text_to_image import PictureRequest, make_pictures


def paint_pictures(
    run: RunDirectory,
    pictures: Sequence[PlannedPicture],
    options: WorkerOptions,
    background_io: BackgroundIo,
    heartbeat: Callable[[], None] = lambda: None,
) -> None:
    """Paints pictures of one chunk; for one that fails its reason is written.

    The last batch is on disk only after `background_io.finish()`.

    Args:
        run: the run directory.
        pictures: unfinished pictures of one model.
        options: device, batch size and replaced checkpoints.
        background_io: writes the images.
        heartbeat: called before each batch, to renew the chunk's claim.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the thread count selects the kernels, and so the last bits of a result
    try:
        SLOT.load(run, pictures[0], options)
        for at in range(0, len(pictures), options.batch_size):
            heartbeat()
            made = _paint_batch(run, pictures[at : at + options.batch_size], options)
            background_io.write([partial(_write, run, picture, image) for picture, image in made])
    except (CheckpointError, OutOfMemory) as error:
        _fail(run, pictures, str(error))
    finally:
        torch.set_num_threads(threads)  # a single worker is the planning process, which goes on


def _paint_batch(
    run: RunDirectory, pictures: Sequence[PlannedPicture], options: WorkerOptions
) -> list[tuple[PlannedPicture, np.ndarray]]:
    """Paints a batch; one that fails is retried in halves."""
    try:
        images = SLOT.run(run, pictures[0], options, pictures, _make)
    except (FloatingPointError, OutOfMemory) as error:
        if len(pictures) == 1:
            _fail(run, pictures, str(error))
            return []
        half = len(pictures) // 2
        return [*_paint_batch(run, pictures[:half], options), *_paint_batch(run, pictures[half:], options)]
    return list(zip(pictures, images, strict=True))


def _make(inpainter: Inpainter, pictures: Sequence[PlannedPicture]) -> list[np.ndarray]:
    requests = [PictureRequest(each.prompt, each.seed, each.steps, each.guidance) for each in pictures]
    return make_pictures(inpainter, requests, pictures[0].side)


def _write(run: RunDirectory, picture: PlannedPicture, image: np.ndarray) -> None:
    run.write(base_path(picture.image), encode_image(image))


def _fail(run: RunDirectory, pictures: Sequence[PlannedPicture], reason: str) -> None:
    for picture in pictures:
        write_failure(run, EditFailure(picture.image, 0, picture.generator, reason))
