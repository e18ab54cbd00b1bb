"""Reads and writes the files of a run directory, which `generation` fills and `builder` packs.

    RUN/
      options.json            the options of the run
      bases.parquet           one row per base image: `builder.run.bases.Base`
      pictures.parquet        one row per base image to be painted: `builder.run.planned_picture.PlannedPicture`
      plan.parquet            one row per planned edit: `builder.run.planned_edit.PlannedEdit`
      bases/IMAGE.webp        the base image
      turn-1/IMAGE.webp       the image after the turn
      turn-1/IMAGE.mask.png   the pixels that the turn edited: 0 or 1
      turn-1/IMAGE.json       `builder.run.records.EditRecord`, written last: an edit is finished when it has one
      failures/turn-1/IMAGE.json   why an edit failed; it counts as long as there is no record. Turn 0: a picture
      memory/                 what memory allowed: `generation.editing.memory_limits`
      loads/turn-1/GENERATOR.WORKER.json   a worker has loaded a generator
      claims/                 which worker has which chunk: `generation.editing.chunk_claims`
      scores/IMAGE.json       the quality of the finished image, if it was scored
      digests/                sizes and digests of the tables: `builder.run.tables`
      skipped.csv             the files of the sources that are not in the plan, with reasons
      surplus.json            accepted images beyond the wanted number: `builder.run.surplus`
      logs/                   what the executor writes

RUN is a folder or any URL that fsspec reads. Every file is written atomically.
"""

import contextlib
import os
from dataclasses import dataclass
from functools import cached_property

import fsspec
from fsspec.implementations.local import LocalFileSystem

from builder.encoding.whole_file import UNFINISHED, write_whole

BASES = "bases.parquet"
PICTURES = "pictures.parquet"
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


def finished_path(image: str, turn: int) -> str:
    """The file by which an edit is finished: its record; for turn 0 the painted base image."""
    return record_path(image, turn) if turn else base_path(image)


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
        """Writes a file atomically, also if another process writes it at the same time."""
        filesystem, _ = self._opened
        full = self._full(path)
        if not isinstance(filesystem, LocalFileSystem):
            filesystem.pipe_file(full, data)  # object stores show an object once it is complete
            return
        write_whole(full, data)

    def names(self, folder: str) -> set[str]:
        """The names of the files in a folder; empty where there is none. Unfinished files do not count."""
        filesystem = self._fresh()
        try:
            found = filesystem.ls(self._full(folder), detail=False)
        except FileNotFoundError:
            return set()
        names = (path.rstrip("/").rsplit("/", 1)[-1] for path in found)
        return {name for name in names if not name.endswith(UNFINISHED)}

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
        return {name: _modified(entry) for name, entry in names if not name.endswith(UNFINISHED)}

    def finished(self, turn: int) -> set[str]:
        """The images whose edit of this turn is finished; for turn 0 all base images that are there."""
        if turn == 0:
            return {name.removesuffix(".webp") for name in self.names("bases")}
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


def require_plan(run: RunDirectory) -> None:
    """Raises FileNotFoundError, with what to do, where a run has no plan."""
    if not run.exists(PLAN):
        raise missing(run, PLAN)


def require_bases(run: RunDirectory) -> None:
    """Raises FileNotFoundError, with what to do, where a run has no base images."""
    if not run.exists(BASES):
        raise missing(run, BASES)


def missing(run: RunDirectory, path: str) -> FileNotFoundError:
    """What to raise where a run lacks one of its tables."""
    if run.exists(OPTIONS):
        return FileNotFoundError(f"{run.url} has no {path}: its plan is not finished; give the same command again")
    return FileNotFoundError(
        f"there is no run directory {run.url} (it has no {path}): plan one with diffseg30k plan --run {run.url}"
    )
