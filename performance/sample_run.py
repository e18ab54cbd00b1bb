"""A run of any number of images without the time that editing takes: a few images under many names."""

import dataclasses
import functools
import os
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data, draw

from builder.encoding.images import encode_image, encode_mask
from builder.run.bases import Base, write_bases
from builder.run.directory import RunDirectory, base_path, image_path, mask_path
from builder.run.records import EditRecord, write_record
from diffseg30k import EDIT_TYPES, GENERATORS, MAX_TURNS

VARIETY = 16
"""Images that differ; the others are links to them."""

TURNS = (1, 2, 2, 2, 2, 3, 3, 3, 3, 3)
"""The plan's 1:4:5."""


def photograph(index: int, pixels: int) -> np.ndarray:
    """A (pixels, pixels, 3) uint8 photograph with noise as a sensor leaves it: most of it in the brightness."""
    rng = np.random.default_rng(index)
    image = Image.fromarray(_photographs()[index % len(_photographs())])
    side = min(image.size)
    left, top = (int(rng.integers(length - side + 1)) for length in image.size)
    square = image.crop((left, top, left + side, top + side)).resize((pixels, pixels), Image.Resampling.BICUBIC)
    noise = rng.normal(0, 2.5, (pixels, pixels, 1)) + rng.normal(0, 1, (pixels, pixels, 3))
    return np.clip(np.rint(np.asarray(square) + noise), 0, 255).astype(np.uint8)


@functools.cache
def _photographs() -> tuple[np.ndarray, ...]:
    return data.astronaut(), data.chelsea(), data.coffee(), data.rocket()


def region(pixels: int, rng: np.random.Generator) -> np.ndarray:
    """A (pixels, pixels) bool mask of one object with a ragged outline."""
    corners = 60
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = pixels * rng.uniform(0.08, 0.25) * rng.uniform(0.8, 1.2, corners)
    centre = pixels * rng.uniform(0.2, 0.8, 2)
    rows, columns = draw.polygon(
        centre[0] + radius * np.sin(angles), centre[1] + radius * np.cos(angles), (pixels, pixels)
    )
    mask = np.zeros((pixels, pixels), bool)
    mask[rows, columns] = True
    return mask


def make_sample_run(folder: str, images: int, pixels: int) -> RunDirectory:
    """A finished run whose pictures are those of VARIETY images."""
    run = RunDirectory(folder)
    bases = []
    for index in range(images):
        base = _base(index)
        if index < VARIETY:
            _write_pictures(run, index, base, pixels)
        else:
            _link_pictures(folder, base, _base(index % VARIETY))
        _write_records(run, index, base)
        bases.append(base)
    write_bases(run, bases)
    return run


def _base(index: int) -> Base:
    # Every image takes its pictures from one that has as many turns.
    turns = TURNS[(index % VARIETY) % len(TURNS)]
    name = f"sample-{index:06d}"
    return Base(name, name, name, "coco", None, None, "http://creativecommons.org/licenses/by/2.0/", None, turns)


def _write_pictures(run: RunDirectory, index: int, base: Base, pixels: int) -> None:
    rng = np.random.default_rng(index)
    image = photograph(index, pixels)
    run.write(base_path(base.image), encode_image(image))
    for turn in range(1, base.num_edits + 1):
        mask = region(pixels, rng)
        image = np.where(mask[:, :, None], photograph(index + turn, pixels), image)
        run.write(image_path(base.image, turn), encode_image(image))
        run.write(mask_path(base.image, turn), encode_mask(mask))


def _link_pictures(folder: str, base: Base, source: Base) -> None:
    paths = [(base_path(source.image), base_path(base.image))]
    for turn in range(1, base.num_edits + 1):
        paths += [(path(source.image, turn), path(base.image, turn)) for path in (image_path, mask_path)]
    for there, here in paths:
        os.link(Path(folder, there), Path(folder, here))


def _write_records(run: RunDirectory, index: int, base: Base) -> None:
    # By pairs of digits all mixtures of generators occur, those of the held-out pairs among them.
    first = (index // VARIETY) % len(GENERATORS)
    for turn in range(1, min(base.num_edits, MAX_TURNS) + 1):
        generator = GENERATORS[(first + (turn - 1) * (1 + index % 5)) % len(GENERATORS)]
        write_record(run, base.image, dataclasses.replace(_RECORD, turn=turn, generator=generator, seed=index))


_RECORD = EditRecord(
    turn=1,
    generator="sd2",
    checkpoint="tiny/sd2",
    lora=None,
    edit_type=EDIT_TYPES[0],
    object="person",
    prompt="a person in a yellow raincoat, looking at the camera",
    seed=0,
    steps=30,
    guidance=7.5,
    compositing="spliced",
    mask_area=0.1,
    inside_change=0.2,
    outside_change=0.0,
    seconds=1.0,
)
