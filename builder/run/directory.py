"""The run directory: what `generation` leaves behind and `builder` packs.

    RUN/
      options.json            the options of the run
      bases.parquet           one row per base image: `Base`
      plan.parquet            one row per planned edit: `builder.run.planned_edit.PlannedEdit`
      bases/IMAGE.webp        the base image
      turn-1/IMAGE.webp       the image after the turn
      turn-1/IMAGE.mask.png   where the turn edited it: 0 or 1
      turn-1/IMAGE.json       the record, written last: an edit is finished when it has one
      failures/turn-1/IMAGE.json   why an edit failed; it counts as long as there is no record
      loads/turn-1/GENERATOR.WORKER.json   a worker has loaded a generator
      claims/                 who is at which chunk: `generation.editing.chunk_claims`
      scores/IMAGE.json       the quality of the finished image, where it was scored
      logs/                   what the executor writes

RUN is a folder or any URL that fsspec reads. A file is there whole or not at all.
"""

import contextlib
import dataclasses
import io
import json
import os
import socket
import uuid
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from fsspec.implementations.local import LocalFileSystem

BASES = "bases.parquet"
PLAN = "plan.parquet"
OPTIONS = "options.json"
READERS = 16
"""Threads that read many small files: on an object store each takes a round trip."""

LOGS = "logs"


def base_path(image: str) -> str:
    return f"bases/{image}.webp"


def image_path(image: str, turn: int) -> str:
    """The image after `turn`; turn 0 is the base image."""
    return f"turn-{turn}/{image}.webp" if turn else base_path(image)


def mask_path(image: str, turn: int) -> str:
    return f"turn-{turn}/{image}.mask.png"


def record_path(image: str, turn: int) -> str:
    return f"turn-{turn}/{image}.json"


def failure_path(image: str, turn: int) -> str:
    return f"failures/turn-{turn}/{image}.json"


def score_path(image: str) -> str:
    return f"scores/{image}.json"


@dataclass(frozen=True)
class RunDirectory:
    """A run directory, opened. Paths are relative to it.

    Attributes:
        url: a folder or an fsspec URL.
    """

    url: str

    @cached_property
    def _opened(self) -> tuple[fsspec.AbstractFileSystem, str]:
        return fsspec.core.url_to_fs(self.url)

    def _full(self, path: str) -> str:
        return f"{self._opened[1].rstrip('/')}/{path}"

    def exists(self, path: str) -> bool:
        filesystem, _ = self._opened
        if isinstance(filesystem, LocalFileSystem):
            return os.path.exists(self._full(path))
        return self._fresh().exists(self._full(path))

    def _fresh(self) -> fsspec.AbstractFileSystem:
        """The filesystem without what it remembers: another machine may have written since."""
        filesystem, _ = self._opened
        filesystem.invalidate_cache()
        return filesystem

    def read(self, path: str) -> bytes:
        """The bytes of a file.

        Raises:
            FileNotFoundError: there is no such file.
        """
        filesystem, _ = self._opened
        if not isinstance(filesystem, LocalFileSystem):
            return filesystem.cat_file(self._full(path))
        with open(self._full(path), "rb") as file:  # half the time that fsspec takes
            return file.read()

    def write(self, path: str, data: bytes) -> None:
        """Writes a file so that it is there whole or not at all, whoever else writes it."""
        filesystem, _ = self._opened
        full = self._full(path)
        if not isinstance(filesystem, LocalFileSystem):
            filesystem.pipe_file(full, data)  # object stores show an object once it is complete
            return
        os.makedirs(os.path.dirname(full), exist_ok=True)
        temporary = f"{full}.{uuid.uuid4().hex}.tmp"
        try:
            with open(temporary, "wb") as file:
                file.write(data)
            os.replace(temporary, full)
        except BaseException:
            if os.path.exists(temporary):
                os.remove(temporary)
            raise

    def names(self, folder: str) -> set[str]:
        """The names of the files in a folder; empty where there is none. Unfinished files do not count."""
        filesystem = self._fresh()
        try:
            found = filesystem.ls(self._full(folder), detail=False)
        except FileNotFoundError:
            return set()
        names = (path.rstrip("/").rsplit("/", 1)[-1] for path in found)
        return {name for name in names if not name.endswith(".tmp")}

    def sizes(self, folder: str) -> dict[str, int]:
        """The files in a folder and their sizes in bytes; empty where there is none."""
        filesystem = self._fresh()
        try:
            found = filesystem.ls(self._full(folder), detail=True)
        except FileNotFoundError:
            return {}
        return {entry["name"].rsplit("/", 1)[-1]: entry["size"] for entry in found if entry["type"] == "file"}

    def times(self, folder: str) -> dict[str, float]:
        """The files in a folder and when each was written, in seconds since 1970; empty where there is none."""
        filesystem = self._fresh()
        try:
            found = filesystem.ls(self._full(folder), detail=True)
        except FileNotFoundError:
            return {}
        names = ((entry["name"].rsplit("/", 1)[-1], entry) for entry in found if entry["type"] == "file")
        return {name: _modified(entry) for name, entry in names if not name.endswith(".tmp")}

    def finished(self, turn: int) -> set[str]:
        """The images whose edit of this turn is finished."""
        return {name.removesuffix(".json") for name in self.names(f"turn-{turn}") if name.endswith(".json")}

    def failed(self, turn: int) -> set[str]:
        """The images whose edit of this turn has left a failure; one that is finished does not count as failed."""
        return {name.removesuffix(".json") for name in self.names(f"failures/turn-{turn}")}

    def delete(self, path: str) -> None:
        """Deletes a file that may be gone already."""
        filesystem, _ = self._opened
        with contextlib.suppress(FileNotFoundError):
            filesystem.rm_file(self._full(path))


def _modified(entry: dict) -> float:
    """The time of an fsspec entry, which each filesystem calls and types as it likes."""
    time = (
        entry.get("mtime") or entry.get("LastModified") or entry.get("last_modified") or entry.get("created") or 0
    )
    return time.timestamp() if hasattr(time, "timestamp") else float(time)


@dataclass(frozen=True)
class Base:
    """One base image of a run.

    Attributes:
        image: its name in the run; letters, digits, `.`, `_` and `-`.
        row_id: the `id` of the dataset row that it becomes. For an edited image it also depends on what is
            planned for it, so that two runs over one photograph give two rows.
        base_id: the photograph; the 8:2 goes by it, so images cut from one photograph share it.
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


@dataclass(frozen=True)
class EditRecord:
    """One finished edit: the fields of the `edits` column, names instead of class numbers, and how long it took.

    Attributes:
        mask_area: share of the image, 0 to 1.
        inside_change: mean absolute difference to the turn's input inside the mask, 0 to 1.
        outside_change: the same outside the mask; exactly 0 when `spliced`.
        seconds: what the edit took; not part of the dataset.
    """

    turn: int
    generator: str
    checkpoint: str
    lora: str | None
    edit_type: str
    object: str
    prompt: str
    seed: int
    steps: int
    guidance: float
    compositing: str
    mask_area: float
    inside_change: float
    outside_change: float
    seconds: float


@dataclass(frozen=True)
class EditFailure:
    """An edit that could not be made, and why."""

    image: str
    turn: int
    generator: str
    reason: str


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


def write_table(run: RunDirectory, path: str, table: pa.Table) -> None:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    run.write(path, out.getvalue())


def read_table(run: RunDirectory, path: str) -> pa.Table:
    return pq.read_table(io.BytesIO(run.read(path)))


def write_record(run: RunDirectory, image: str, record: EditRecord) -> None:
    text = json.dumps(dataclasses.asdict(record), ensure_ascii=False, indent=1)
    run.write(record_path(image, record.turn), text.encode())


def read_record(run: RunDirectory, image: str, turn: int) -> EditRecord:
    """A finished edit.

    Raises:
        FileNotFoundError: the edit is not finished.
        ValueError: the record cannot be read; it says which.
    """
    path = record_path(image, turn)
    try:
        return EditRecord(**json.loads(run.read(path)))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{run.url}/{path} is not a record of an edit ({error}); delete it to edit again"
        ) from error


def delete_broken_records(run: RunDirectory, turn: int) -> list[str]:
    """Deletes records that were cut, as by a power failure, so that their edits count as unfinished.

    Returns:
        The images they were of.
    """
    images = sorted(run.finished(turn))
    with ThreadPoolExecutor(READERS) as pool:
        whole = pool.map(lambda image: _is_whole(run, record_path(image, turn)), images)
        broken = [image for image, good in zip(images, whole, strict=True) if not good]
    for image in broken:
        run.delete(record_path(image, turn))
    return broken


def _is_whole(run: RunDirectory, path: str) -> bool:
    try:
        return isinstance(json.loads(run.read(path)), dict)
    except FileNotFoundError:
        return True
    except ValueError:
        return False


def write_failure(run: RunDirectory, failure: EditFailure) -> None:
    text = json.dumps(dataclasses.asdict(failure), ensure_ascii=False, indent=1)
    run.write(failure_path(failure.image, failure.turn), text.encode())


def read_failures(run: RunDirectory, turn: int) -> list[EditFailure]:
    """The edits of a turn that failed and have not been made since, by image; one of a cut file has no reason."""
    failed = run.failed(turn) - run.finished(turn)
    return [_read_failure(run, image, turn) for image in sorted(failed)]


def _read_failure(run: RunDirectory, image: str, turn: int) -> EditFailure:
    try:
        return EditFailure(**json.loads(run.read(failure_path(image, turn))))
    except (FileNotFoundError, ValueError, TypeError):
        return EditFailure(image, turn, "unknown", "the reason cannot be read")


def write_load(run: RunDirectory, turn: int, generator: str, seconds: float) -> None:
    """Notes that a worker has loaded a generator."""
    text = json.dumps({"host": socket.gethostname(), "process": os.getpid(), "seconds": round(seconds, 3)})
    run.write(f"loads/turn-{turn}/{generator}.{uuid.uuid4().hex}.json", text.encode())


def count_loads(run: RunDirectory, turn: int) -> Counter[str]:
    """How often each generator was loaded for a turn, by all workers since the run began."""
    return Counter(name.removesuffix(".json").rpartition(".")[0] for name in run.names(f"loads/turn-{turn}"))
