"""A contact sheet of one generator: photographs masked, inpainted by its real pipeline, and as they were."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from generation.generators.entries import GENERATORS
from generation.generators.pipelines.inpainter import Inpainter
from generation.generators.pipelines.load import LoadOptions, quiet
from generation.generators.tiny.assembly import PARTS, TRAINED, read_digests, write_checkpoint
from generation.generators.tiny.training.fill import fill
from generation.generators.tiny.training.photographs import masks, read, resized
from generation.generators.tiny.training.publish import publish

SIDE, CELL = 256, 8
"""Of the pictures and of the cells of their masks, in pixels."""

COLUMNS = 2
GREY = 128


def write_sheets(network: str, state: Path, files: Sequence[Path]) -> None:
    """Writes a sheet for each generator with this network whose other networks are trained or published.

    Args:
        network: the network that was trained last.
        state: the folder of the training.
        files: photographs to fill; none for no sheet.
    """
    if not files:
        return
    published = read_digests(TRAINED)
    for generator, parts in PARTS.items():
        if network in parts and all(name in published or (state / f"{name}.pt").is_file() for name in parts):
            (state / "sheets").mkdir(exist_ok=True)
            sheet(generator, state, files).save(state / "sheets" / f"{generator}.png")


def sheet(generator: str, state: Path, files: Sequence[Path]) -> Image.Image:
    """The sheet of a generator as it is trained so far."""
    entry = GENERATORS[generator]
    with tempfile.TemporaryDirectory() as temporary, quiet(), torch.random.fork_rng(devices=[]):
        trained, folder = Path(temporary) / "trained", Path(temporary) / "checkpoint"
        folder.mkdir()
        if TRAINED.is_dir():
            shutil.copytree(TRAINED, trained)
        publish(state, trained)
        write_checkpoint(generator, folder, trained)
        inpainter = entry.inpainter(entry.pipeline(folder, LoadOptions("float32")), entry.tiny_sampling)
        rows = [_row(inpainter, generator, file, index) for index, file in enumerate(files)]
    rows += [np.full_like(rows[0], GREY)] * (-len(rows) % COLUMNS)
    lines = [np.hstack(rows[index : index + COLUMNS]) for index in range(0, len(rows), COLUMNS)]
    return Image.fromarray(np.vstack(lines))


def _row(inpainter: Inpainter, generator: str, file: Path, seed: int) -> np.ndarray:
    """(SIDE, 3 SIDE, 3) uint8: the masked picture, the inpainted one, and the original."""
    image = resized(read(file, SIDE), SIDE)
    top, left = ((length - SIDE) // 2 for length in image.shape[:2])
    image = np.ascontiguousarray(image[top : top + SIDE, left : left + SIDE])
    cells = masks(1, SIDE // CELL, np.random.default_rng(seed), shapes=2)[0, 0].numpy() > 0
    mask = cells.repeat(CELL, axis=0).repeat(CELL, axis=1)
    masked = np.where(mask[..., None], GREY, image).astype(np.uint8)
    return np.hstack([masked, fill(inpainter, generator, image, mask, seed), image])
