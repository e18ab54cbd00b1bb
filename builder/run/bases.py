"""Reads and writes `bases.parquet`, the base images of a run."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from builder.run.directory import BASES, RunDirectory
from builder.run.file_digest import FileDigest
from builder.run.tables import read_table, write_table


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
        file_size: bytes of the base image's file; None in runs of earlier versions.
        file_sha256: its SHA-256, hexadecimal; None like `file_size`.
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
    file_size: int | None = None
    file_sha256: str | None = None

    @property
    def digest(self) -> FileDigest | None:
        """Of the base image's file, where it is known."""
        if self.file_size is None or self.file_sha256 is None:
            return None
        return FileDigest(self.file_size, self.file_sha256)

    def with_file(self, data: bytes) -> Self:
        """The same with the digest of a base image's file."""
        digest = FileDigest.of(data)
        return dataclasses.replace(self, file_size=digest.size, file_sha256=digest.sha256)

    def content(self) -> dict[str, Any]:
        """The fields without the digest of the file."""
        return {name: value for name, value in vars(self).items() if not name.startswith("file_")}


_TYPES = {"num_edits": pa.int8(), "file_size": pa.int64()}
BASE_SCHEMA = pa.schema(
    [pa.field(field.name, _TYPES.get(field.name, pa.string())) for field in dataclasses.fields(Base)]
)
_REMEDY = "give the plan command again, which makes it anew"


def write_bases(run: RunDirectory, bases: Iterable[Base]) -> None:
    table = pa.Table.from_pylist([dataclasses.asdict(base) for base in bases], schema=BASE_SCHEMA)
    write_table(run, BASES, table)


def bases_by_name(run: RunDirectory) -> dict[str, Base]:
    """The base images of a run by name; none where it has no such table."""
    return {base.image: base for base in read_bases(run)} if run.exists(BASES) else {}


def read_bases(run: RunDirectory) -> list[Base]:
    """The base images of a run.

    Raises:
        FileNotFoundError: nothing was planned there.
        DamagedFile: the table is not what was written.
    """
    return [Base(**row) for row in read_table(run, BASES, _REMEDY).to_pylist()]
