"""Reads and writes `bases.parquet`, the base images of a run."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from builder.run.directory import BASES, RunDirectory, read_table, write_table


@dataclass(frozen=True)
class Base:
    """One base image of a run.

    Attributes:
        image: its name in the run; letters, digits, `.`, `_` and `-`.
        row_id: the `id` of the dataset row that it becomes. For an edited image it also depends on what is
            planned for it, so that two runs over one photograph give two rows.
        base_id: id of the photograph, whose hash decides the side of the 8:2; shared by images of one photograph.
        source: `coco` or `generated`.
        generator: the generator that made a `generated` base; None for a photograph.
        prompt: the prompt that made a `generated` base; None for a photograph.
        license: the licence's URL, or its name where it has none.
        url: where the photograph was published.
        num_edits: how many edits are planned; 0 for an unedited photograph.
    """

    image: str
    row_id: str
    base_id: str
    source: str
    generator: str | None
    prompt: str | None
    license: str | None
    url: str | None
    num_edits: int


BASE_SCHEMA = pa.schema(
    [
        pa.field(name, pa.int8() if name == "num_edits" else pa.string())
        for name in (field.name for field in dataclasses.fields(Base))
    ]
)


def write_bases(run: RunDirectory, bases: Iterable[Base]) -> None:
    table = pa.Table.from_pylist([dataclasses.asdict(base) for base in bases], schema=BASE_SCHEMA)
    write_table(run, BASES, table)


def read_bases(run: RunDirectory) -> list[Base]:
    return [Base(**row) for row in read_table(run, BASES).to_pylist()]
