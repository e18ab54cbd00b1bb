"""Reads and writes the records of a run: finished edits, failed edits, and loads of generators."""

import dataclasses
import json
import os
import socket
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from builder.encoding.json_document import JsonDocument
from builder.run.directory import READERS, RunDirectory, failure_path, record_path
from builder.run.planned_edit import PlannedEdit


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


_RECORD = JsonDocument("a record of an edit", 1, lambda fields: EditRecord(**fields), "delete it to edit again")
_FAILURE = JsonDocument("the failure of an edit", 1, lambda fields: EditFailure(**fields), "delete it")
_PLANNED = {field.name for field in dataclasses.fields(EditRecord)} & {
    field.name for field in dataclasses.fields(PlannedEdit)
}


def made_as_planned(
    edit: PlannedEdit, mask_area: float, inside_change: float, outside_change: float, seconds: float
) -> EditRecord:
    """The record of a planned edit that has been made; what was measured is as in `EditRecord`."""
    planned = {name: getattr(edit, name) for name in _PLANNED}
    return EditRecord(
        **planned,
        mask_area=mask_area,
        inside_change=inside_change,
        outside_change=outside_change,
        seconds=seconds,
    )


def write_record(run: RunDirectory, image: str, record: EditRecord) -> None:
    run.write(record_path(image, record.turn), _RECORD.dump(dataclasses.asdict(record)))


def read_record(run: RunDirectory, image: str, turn: int) -> EditRecord:
    """A finished edit.

    Raises:
        FileNotFoundError: the edit is not finished.
        ValueError: the record cannot be read; the message names it.
    """
    path = record_path(image, turn)
    return _RECORD.load(run.read(path), f"{run.url}/{path}")


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
    run.write(failure_path(failure.image, failure.turn), _FAILURE.dump(dataclasses.asdict(failure)))


def read_failures(run: RunDirectory, turn: int) -> list[EditFailure]:
    """The edits of a turn that failed and have not been made since, by image; one of a cut file has no reason."""
    failed = run.failed(turn) - run.finished(turn)
    return [_read_failure(run, image, turn) for image in sorted(failed)]


def _read_failure(run: RunDirectory, image: str, turn: int) -> EditFailure:
    path = failure_path(image, turn)
    try:
        return _FAILURE.load(run.read(path), path)
    except (FileNotFoundError, ValueError):
        return EditFailure(image, turn, "unknown", "the reason cannot be read")


def write_load(run: RunDirectory, turn: int, generator: str, seconds: float) -> None:
    """Notes that a worker has loaded a generator."""
    text = json.dumps({"host": socket.gethostname(), "process": os.getpid(), "seconds": round(seconds, 3)})
    run.write(f"loads/turn-{turn}/{generator}.{uuid.uuid4().hex}.json", text.encode())


def count_loads(run: RunDirectory, turn: int) -> Counter[str]:
    """How often each generator was loaded for a turn, by all workers since the run began."""
    return Counter(name.removesuffix(".json").rpartition(".")[0] for name in run.names(f"loads/turn-{turn}"))
