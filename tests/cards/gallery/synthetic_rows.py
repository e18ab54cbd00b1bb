"""Packed datasets of any number of rows, written as shards without a run."""

from pathlib import Path

import numpy as np

from builder.dataset.shards import write_shard
from builder.encoding.images import encode_image, encode_mask
from diffseg30k import CLASS_NAMES, HELD_OUT_COLUMNS, folder, side

PIXELS = 48
DISTINCT = 64
"""Different pictures; rows take them in turn."""

ROWS_A_GROUP, ROWS_A_SHARD = 100, 5000

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>'
"""Text that runs or loads something wherever it is taken for HTML."""


def write_rows(out: Path, count: int, text: str = "cat") -> None:
    """Writes a dataset without originals.

    Args:
        text: the edits' object, prompt and checkpoint, and part of each id.
    """
    rng = np.random.default_rng(0)
    looks = [_look(rng) for _ in range(min(DISTINCT, count))]
    for where in ("train", "validation"):
        rows = [_row(number, looks, text) for number in range(count) if side(f"base-{number}") == where]
        for start in range(0, len(rows), ROWS_A_SHARD):
            shard = rows[start : start + ROWS_A_SHARD]
            groups = (shard[at : at + ROWS_A_GROUP] for at in range(0, len(shard), ROWS_A_GROUP))
            write_shard(str(out / folder(where, "edited") / f"{start:08d}.parquet"), {}, groups, False)


def _look(rng: np.random.Generator) -> tuple[bytes, bytes, bytes, int]:
    image = np.repeat(np.repeat(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8), 8, 0), 8, 1)
    value = int(rng.integers(1, len(CLASS_NAMES)))
    mask = np.zeros((PIXELS, PIXELS), bool)
    top, left = rng.integers(0, PIXELS - 16, 2)
    mask[top : top + 16, left : left + 16] = True
    return encode_image(image), encode_mask(mask), encode_mask(mask.astype(np.uint8) * value), value


def _row(number: int, looks: list, text: str) -> dict:
    image, mask, labels, value = looks[number % len(looks)]
    picture = {"bytes": mask, "path": None}
    edit = {
        "turn": 1,
        "generator": value,
        "checkpoint": text,
        "edit_type": number % 3,
        "object": text,
        "prompt": text,
        "seed": 2**62 + number,
        "steps": 10,
        "guidance": 1.0,
        "compositing": "spliced",
        "mask": picture,
        "mask_area": 1 / 9,
        "quality_score": float(number % 6),
        "quality_reason": text,
        "inside_change": 0.25,
        "outside_change": 0.0,
    }
    return {
        "id": f"{text}-{number:06d}",
        "image": {"bytes": image, "path": None},
        "binary_mask": picture,
        "semantic_mask": {"bytes": labels, "path": None},
        "label": 1,
        "generators": [value],
        "num_edits": 1,
        "base": {"source": 0, "id": f"base-{number}", "license": text, "url": f"javascript:alert('{text}')"},
        "edits": [edit],
        "quality_score": float(number % 6),
        **dict.fromkeys(HELD_OUT_COLUMNS, False),
    }
