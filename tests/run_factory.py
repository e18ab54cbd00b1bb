"""Runs to pack: real photographs, real masks, and noise where a generator would have painted."""

import functools
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage import data, draw

from builder.encoding.images import encode_image, encode_mask
from builder.run.bases import Base, write_bases
from builder.run.directory import RunDirectory, base_path, image_path, mask_path, score_path
from builder.run.file_digest import FileDigest
from builder.run.records import EditRecord, write_record
from diffseg30k import EDIT_TYPES, side

Kind = tuple[str, ...]

KINDS: tuple[Kind, ...] = (
    ("sdxl",),
    ("sd2", "flux.1", "kandinsky2.2"),
    (),
    ("flux.1",),
    ("hunyuandit1.1", "flux.1"),
    ("glide", "sdxl"),
    ("sd3.5", "sd2"),
    ("kolors",),
    ("sd3.5", "kolors", "hunyuandit1.1"),
    ("kandinsky2.2", "sdxl"),
    (),
    ("kolors", "glide"),
)
"""The generators of an image, by turn. Every group of shards that a run can fill is among them."""

ONE_PHOTOGRAPH: tuple[Kind, ...] = (("sdxl",), (), ("sd2",), ("hunyuandit1.1",), ("sd2", "flux.1"))
"""Crops of one photograph that would serve both sides of two held-out configs."""

OBJECTS = ("person", "cat", "cup", "rocket", "pizza", "car")
LICENSES = ("http://creativecommons.org/licenses/by/2.0/", "http://creativecommons.org/licenses/by-sa/2.0/", None)


@dataclass(frozen=True)
class Content:
    """One image of a run before it is made."""

    name: str
    base_id: str
    generators: Kind
    index: int


def make_run(
    folder: str | Path,
    images: int = 41,
    pixels: int = 64,
    seed: int = 0,
    kinds: Sequence[Kind] = KINDS,
    prefix: str = "photo",
    lora: str | None = None,
    edition: str = "",
) -> RunDirectory:
    """A finished run of `images` images.

    Args:
        images: those of ONE_PHOTOGRAPH are the first; the rest take the kinds in turn, on both sides of the 8:2.
        pixels: height and width.
        kinds: what the images but the first few are edited by; other than KINDS, no photograph has several rows.
        prefix: of the names and ids, so that two runs share none.
        lora: the run is one of this LoRA, all of it on the validation side.
        edition: goes into the ids of edited rows: two editions are two runs over the same photographs.
    """
    run = RunDirectory(str(folder))
    rng = np.random.default_rng(seed)
    contents = list(itertools.islice(_contents(prefix, kinds, lora is not None), images))
    write_bases(run, [_make_image(run, content, pixels, lora, edition, rng) for content in contents])
    run.write("options.json", json.dumps({"seed": seed, "size": pixels}).encode())
    return run


def write_score(run: RunDirectory, image: str, score: float, reason: str, accepted: bool) -> None:
    text = json.dumps({"score": score, "reason": reason, "accepted": accepted})
    run.write(score_path(image), text.encode())


def _contents(prefix: str, kinds: Sequence[Kind], lora: bool) -> Iterator[Content]:
    ids = {where: _ids(prefix, where) for where in ("train", "validation")}
    index = itertools.count()
    if kinds is KINDS and not lora:
        shared = next(ids["train"])
        for number, generators in enumerate(ONE_PHOTOGRAPH):
            yield Content(f"{shared}-crop{number}", shared, generators, next(index))
    for where in itertools.cycle(("validation",) if lora else ("train", "validation")):
        for generators in kinds:
            name = next(ids[where])
            yield Content(name, name, generators, next(index))


def _ids(prefix: str, where: str) -> Iterable[str]:
    return (name for name in (f"{prefix}-{number:05d}" for number in itertools.count()) if side(name) == where)


def _make_image(
    run: RunDirectory, content: Content, pixels: int, lora: str | None, edition: str, rng: np.random.Generator
) -> Base:
    image = _crop(content.index, pixels, rng)
    data = encode_image(image)
    run.write(base_path(content.name), data)
    for turn, generator in enumerate(content.generators, start=1):
        image = _edit(run, content, turn, generator, image, lora, rng)
    generated = content.index % 3 == 2
    return Base(
        image=content.name,
        row_id=f"{content.name}-row" + (f"-{lora}" if lora else "") + (edition if content.generators else ""),
        base_id=content.base_id,
        source="generated" if generated else "coco",
        generator="kandinsky2.2" if generated else None,
        prompt="a photograph, früh am Morgen" if generated else None,
        license=None if generated else LICENSES[content.index % len(LICENSES)],
        url=None if generated else f"http://images.example/{content.base_id}.jpg",
        num_edits=len(content.generators),
    ).with_file(data)


def _edit(
    run: RunDirectory,
    content: Content,
    turn: int,
    generator: str,
    image: np.ndarray,
    lora: str | None,
    rng: np.random.Generator,
) -> np.ndarray:
    mask = _region(len(image), rng)
    compositing = "regenerated" if content.index % 7 == 6 else "spliced"
    edited = image.copy()
    edited[mask] = rng.integers(0, 256, (int(mask.sum()), 3), dtype=np.uint8)
    if compositing == "regenerated":
        edited[~mask] ^= 1
    files = encode_image(edited), encode_mask(mask)
    run.write(image_path(content.name, turn), files[0])
    run.write(mask_path(content.name, turn), files[1])
    difference = np.abs(edited.astype(np.int16) - image).mean(axis=2) / 255
    record = EditRecord(
        turn=turn,
        generator=generator,
        checkpoint=f"tiny/{generator}",
        lora=lora,
        edit_type=EDIT_TYPES[(content.index + turn) % len(EDIT_TYPES)],
        object=OBJECTS[(content.index + turn) % len(OBJECTS)],
        prompt=f"something else, turn {turn}",
        seed=int(rng.integers(2**31)),
        steps=2,
        guidance=7.5,
        compositing=compositing,
        mask_area=float(mask.mean()),
        inside_change=float(difference[mask].mean()),
        outside_change=float(difference[~mask].mean()),
        seconds=float(rng.random()),
        image_file=FileDigest.of(files[0]),
        mask_file=FileDigest.of(files[1]),
        input_sha256=FileDigest.of(run.read(image_path(content.name, turn - 1))).sha256,
    )
    write_record(run, content.name, record)
    return edited


@functools.cache
def _photographs() -> tuple[np.ndarray, ...]:
    return data.astronaut(), data.chelsea(), data.coffee(), data.rocket()


def _crop(index: int, pixels: int, rng: np.random.Generator) -> np.ndarray:
    photograph = _photographs()[index % len(_photographs())]
    top = int(rng.integers(photograph.shape[0] - pixels + 1))
    left = int(rng.integers(photograph.shape[1] - pixels + 1))
    return np.ascontiguousarray(photograph[top : top + pixels, left : left + pixels])


def _region(pixels: int, rng: np.random.Generator) -> np.ndarray:
    centre = rng.uniform(0.2, 0.8, 2) * pixels
    radii = rng.uniform(0.1, 0.35, 2) * pixels
    mask = np.zeros((pixels, pixels), bool)
    mask[draw.ellipse(*centre, *radii, shape=mask.shape, rotation=rng.uniform(0, 3))] = True
    return mask
