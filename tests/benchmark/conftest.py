"""Small real inputs for the benchmark: photographs with edits whose traces can be learned, packed as shards."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from skimage import data

from builder.encoding.images import encode_image, encode_mask
from diffseg30k import GENERATORS, HELD_OUT_PAIRS, features, folder, held_out_column, only_by

SIDE = 96


def photograph(index: int, side: int = SIDE) -> np.ndarray:
    """(side, side, 3) uint8: a part of one of scikit-image's photographs."""
    pictures = (data.astronaut, data.chelsea, data.coffee, data.rocket)
    picture = pictures[index % len(pictures)]()
    rng = np.random.default_rng(index)
    cut = int(min(picture.shape[:2]) * 0.7)
    top, left = (int(rng.integers(0, size - cut)) for size in picture.shape[:2])
    part = Image.fromarray(picture[top : top + cut, left : left + cut, :3])
    return np.asarray(part.resize((side, side), Image.Resampling.BICUBIC))


def trace(generator: str, side: int = SIDE) -> np.ndarray:
    """(side, side, 3) float: what a generator leaves behind: a pattern of its own period and colour."""
    value = GENERATORS.index(generator)
    y, x = np.mgrid[:side, :side]
    angle = value * np.pi / len(GENERATORS)
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / (3 + value))
    colour = np.array([np.cos(value), np.cos(value + 2), np.cos(value + 4)])
    return wave[..., None] * 60 + colour * 60


def edit(image: np.ndarray, generator: str, mask: np.ndarray) -> np.ndarray:
    """`image` with the generator's trace inside `mask`."""
    changed = np.clip(image + trace(generator, image.shape[0]), 0, 255).astype(np.uint8)
    return np.where(mask[..., None], changed, image)


def ellipse(rng: np.random.Generator, side: int = SIDE) -> np.ndarray:
    y, x = np.mgrid[:side, :side] / side
    (cy, cx), (ry, rx) = rng.uniform(0.3, 0.7, 2), rng.uniform(0.15, 0.3, 2)
    return ((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1


def row(index: int, generators: tuple[str, ...], side: int = SIDE) -> dict:
    """One row of a packed dataset: a photograph edited by `generators` in turn."""
    rng = np.random.default_rng(index)
    image = photograph(index, side)
    semantic = np.zeros((side, side), np.uint8)
    for generator in generators:
        mask = ellipse(rng, side)
        image = edit(image, generator, mask)
        semantic[mask] = GENERATORS.index(generator) + 1
    held_out = {}
    for pair, members in HELD_OUT_PAIRS.items():
        made = [generator in members for generator in generators]
        held_out[held_out_column(pair)] = all(made) or not any(made)
    return {
        "id": f"row-{index:04d}",
        "image": {"bytes": encode_image(image), "path": None},
        "binary_mask": {"bytes": encode_mask(semantic > 0), "path": None},
        "semantic_mask": {"bytes": encode_mask(semantic), "path": None},
        "label": int(bool(generators)),
        "generators": [GENERATORS.index(generator) + 1 for generator in generators],
        "num_edits": len(generators),
        **held_out,
    }


def write_shard(root: Path, side: str, group: str, rows: list[dict], without: tuple[str, ...] = ()) -> None:
    """Writes rows as one shard; what a row does not say is null."""
    schema = features().arrow_schema
    columns = [pa.array([row.get(field.name) for row in rows], field.type) for field in schema]
    table = pa.Table.from_arrays(columns, schema=schema)
    table = table.select([name for name in schema.names if name not in without])
    place = root / folder(side, group)
    place.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, place / "0000.parquet", row_group_size=4)


def group_of(generators: tuple[str, ...]) -> str:
    for pair, members in HELD_OUT_PAIRS.items():
        if generators and set(generators) <= set(members):
            return only_by(pair)
    return "edited" if generators else "unedited"


def pack(root: Path, sides: dict[str, list[tuple[str, ...]]], side: int = SIDE) -> Path:
    """A packed dataset: for each side of the 8:2, which generators edit which row."""
    index = 0
    for name, plans in sides.items():
        groups: dict[str, list[dict]] = {}
        for generators in plans:
            groups.setdefault(group_of(generators), []).append(row(index, generators, side))
            index += 1
        for group, rows in groups.items():
            write_shard(root, name, group, rows)
    return root


TRAIN = [
    ("sd2", "flux.1"),
    ("sdxl",),
    ("kolors", "sd3.5", "glide"),
    ("kandinsky2.2",),
    ("hunyuandit1.1", "sdxl"),
    ("sd2",),
    ("glide", "kolors"),
    ("flux.1", "hunyuandit1.1"),
    (),
    (),
    (),
    (),
]
VALIDATION = [("sdxl", "kandinsky2.2"), ("flux.1",), ("sd3.5",), ("kolors",), (), ()]


@pytest.fixture(scope="session")
def packed(tmp_path_factory) -> Path:
    """Twelve training and six validation rows, 96 pixels a side, and two of the LoRA set."""
    root = pack(tmp_path_factory.mktemp("packed"), {"train": TRAIN, "validation": VALIDATION})
    write_shard(root, "validation", "lora", [row(12, ("sdxl",)), row(13, ("sdxl",))])
    return root


@pytest.fixture(scope="session")
def eight(tmp_path_factory) -> Path:
    """Eight edited rows and as many unedited, 64 pixels a side, to be learned by heart."""
    plans = [(generator,) for generator in GENERATORS]
    return pack(tmp_path_factory.mktemp("eight"), {"train": plans, "validation": plans[:2]}, side=64)


@pytest.fixture(scope="session")
def make() -> SimpleNamespace:
    """Makes photographs, rows and shards: `photograph`, `edit`, `row`, `shard`, `pack`."""
    return SimpleNamespace(photograph=photograph, edit=edit, row=row, shard=write_shard, pack=pack)
