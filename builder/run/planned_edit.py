"""Reads and writes the plan of a run: one row for each planned edit."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from builder.run.directory import PLAN, RunDirectory
from builder.run.tables import read_table, write_table


@dataclass(frozen=True)
class PlannedEdit:
    """Everything that fixes one edit but the pixels it starts from.

    Attributes:
        image: the base image's name in the run.
        turn: 1 to 3.
        generator: a short id of `diffseg30k.GENERATORS`.
        checkpoint: the weights, as `generation.generators.registry` names them.
        lora: the LoRA that the generator carries, or None.
        edit_type: one of `diffseg30k.EDIT_TYPES`.
        object: the category of the region's object, as its source names it.
        prompt: what the region is to show afterwards; empty where `prompt_by` is to write it.
        removal_prompt: what an addition's region is to show in between, when the old object is gone and the
            new one not yet there; None for the other edit types.
        region: the region's mask as compressed COCO run lengths.
        side: height and width of the base image and the mask, in pixels.
        seed: of the edit's noise, 0 to 2**31 - 1.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
        compositing: one of `diffseg30k.COMPOSITING`.
        prompt_by: the VLM that writes the prompt after the earlier turns; None if the plan has the prompt.
        removal_dilation: by how much more than the region the model paints where it removes an object, as a share
            of the square root of the region's area; None for edits that remove nothing.
    """

    image: str
    turn: int
    generator: str
    checkpoint: str
    lora: str | None
    edit_type: str
    object: str
    prompt: str
    removal_prompt: str | None
    region: str
    side: int
    seed: int
    steps: int
    guidance: float
    compositing: str
    prompt_by: str | None = None
    removal_dilation: float | None = None

    def mask(self) -> np.ndarray:
        """The region as a (side, side) bool mask."""
        from pycocotools import mask as coco_mask

        counts = {"size": [self.side, self.side], "counts": self.region.encode("ascii")}
        return coco_mask.decode(counts).astype(bool)


_TYPES = {
    "turn": pa.int8(),
    "side": pa.int32(),
    "seed": pa.int64(),
    "steps": pa.int32(),
    "guidance": pa.float32(),
    "removal_dilation": pa.float64(),
}
PLAN_SCHEMA = pa.schema(
    [pa.field(field.name, _TYPES.get(field.name, pa.string())) for field in dataclasses.fields(PlannedEdit)]
)


def encode_region(mask: np.ndarray) -> str:
    """A (H, W) bool mask as compressed COCO run lengths."""
    from pycocotools import mask as coco_mask

    return coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))["counts"].decode("ascii")


def write_plan(run: RunDirectory, edits: Iterable[PlannedEdit]) -> None:
    table = pa.Table.from_pylist([dataclasses.asdict(edit) for edit in edits], schema=PLAN_SCHEMA)
    write_table(run, PLAN, table)


def read_plan(run: RunDirectory) -> list[PlannedEdit]:
    """The plan of a run.

    Raises:
        FileNotFoundError: nothing was planned there.
        DamagedFile: the table is not what was written.
    """
    table = read_table(run, PLAN, "give the plan command again, which makes it anew")
    return [PlannedEdit(**row) for row in table.to_pylist()]
