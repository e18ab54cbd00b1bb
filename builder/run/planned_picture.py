"""Reads and writes what generators are to paint from captions: one row for each picture, turn 0 of a run."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from builder.run.directory import PICTURES, RunDirectory
from builder.run.tables import read_table, write_table


@dataclass(frozen=True)
class PlannedPicture:
    """Everything that fixes one picture.

    Attributes:
        image: the base image's name in the run.
        generator: a short id of `diffseg30k.GENERATORS`.
        checkpoint: the weights, as `generation.generators.registry` names them.
        prompt: what it shows.
        side: height and width of the base image, in pixels.
        seed: of the noise, 0 to 2**31 - 1.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
    """

    image: str
    generator: str
    checkpoint: str
    prompt: str
    side: int
    seed: int
    steps: int
    guidance: float

    @property
    def turn(self) -> int:
        """0: pictures are painted before the first edit."""
        return 0

    @property
    def lora(self) -> None:
        return None


_TYPES = {"side": pa.int32(), "seed": pa.int64(), "steps": pa.int32(), "guidance": pa.float32()}
_SCHEMA = pa.schema(
    [pa.field(field.name, _TYPES.get(field.name, pa.string())) for field in dataclasses.fields(PlannedPicture)]
)


def add_pictures(run: RunDirectory, pictures: Iterable[PlannedPicture]) -> None:
    """Adds pictures to those of a run; one of the same name is replaced."""
    before = {picture.image: picture for picture in read_pictures(run)}
    after = before | {picture.image: picture for picture in pictures}
    if after != before:
        rows = [dataclasses.asdict(after[name]) for name in sorted(after)]
        write_table(run, PICTURES, pa.Table.from_pylist(rows, schema=_SCHEMA))


def read_pictures(run: RunDirectory) -> list[PlannedPicture]:
    """The pictures of a run, sorted by name; empty where none are to be painted.

    Raises:
        DamagedFile: the table is not what was written.
    """
    try:
        table = read_table(run, PICTURES, "delete it, and give the plan command again, which makes it anew")
    except FileNotFoundError:
        return []
    return [PlannedPicture(**row) for row in table.to_pylist()]
