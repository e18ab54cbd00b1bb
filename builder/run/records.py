"""Reads and writes the records of a run: finished edits, failed edits, and loads of generators."""

import dataclasses
import json
import os
import socket
import uuid
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from builder.encoding.json_document import DamagedDocument, JsonDocument
from builder.run.bases import Base
from builder.run.directory import READERS, RunDirectory, failure_path, image_path, mask_path, record_path
from builder.run.file_digest import FileDigest
from builder.run.planned_edit import PlannedEdit


@dataclass(frozen=True)
class EditRecord:
    """One finished edit: the fields of the `edits` column, names instead of class numbers, and how long it took.

    Attributes:
        mask_area: share of the image, 0 to 1.
        inside_change: mean absolute difference to the turn's input inside the mask, 0 to 1.
        outside_change: the same outside the mask; exactly 0 when `spliced`.
        seconds: what the edit took; not part of the dataset.
        removal_dilation: as in `PlannedEdit`; None in runs of earlier versions.
        image_file: of the image after the edit; None in runs of earlier versions, like the two that follow.
        mask_file: of the mask.
        input_sha256: the SHA-256 of the file that the edit began from, hexadecimal.
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
    removal_dilation: float | None = None
    image_file: FileDigest | None = None
    mask_file: FileDigest | None = None
    input_sha256: str | None = None

    def in_dataset(self) -> dict[str, Any]:
        """What the dataset keeps: all but the seconds, which differ from run to run, and the digests."""
        return {name: value for name, value in vars(self).items() if name not in _NOT_IN_DATASET}

    def content(self) -> dict[str, Any]:
        """All that the edit's outcome depends on, as JSON takes it: what the dataset keeps, and the digests."""
        digests = {"image_file": self.image_file, "mask_file": self.mask_file}
        known = {name: dataclasses.asdict(digest) for name, digest in digests.items() if digest}
        return self.in_dataset() | known


@dataclass(frozen=True)
class EditFailure:
    """An edit that could not be made, and why."""

    image: str
    turn: int
    generator: str
    reason: str


_LOADS = 64
"""Notes of loads that are read to know the devices."""

_NOT_IN_DATASET = ("seconds", "image_file", "mask_file", "input_sha256")


def _record(fields: dict[str, Any]) -> EditRecord:
    digests = {name: FileDigest.parse(fields.get(name)) for name in ("image_file", "mask_file")}
    return EditRecord(**fields | digests)


_RECORD = JsonDocument("a record of an edit", 1, _record, "delete it to edit again")
_FAILURE = JsonDocument("the failure of an edit", 1, lambda fields: EditFailure(**fields), "delete it")
_PLANNED = {field.name for field in dataclasses.fields(EditRecord)} & {
    field.name for field in dataclasses.fields(PlannedEdit)
}


def made_as_planned(
    edit: PlannedEdit,
    mask_area: float,
    inside_change: float,
    outside_change: float,
    seconds: float,
    image_file: FileDigest | None = None,
    mask_file: FileDigest | None = None,
    input_sha256: str | None = None,
) -> EditRecord:
    """The record of a planned edit that has been made; what was measured is as in `EditRecord`."""
    return EditRecord(
        **{name: getattr(edit, name) for name in _PLANNED},
        mask_area=mask_area,
        inside_change=inside_change,
        outside_change=outside_change,
        seconds=seconds,
        image_file=image_file,
        mask_file=mask_file,
        input_sha256=input_sha256,
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


def delete_damaged_records(
    run: RunDirectory, turn: int, bases: Mapping[str, Base], read_all: bool = False
) -> dict[str, str]:
    """Deletes records that are cut or changed, and records of edits whose files are, so that these edits are made
    again.

    An edit is also made again if the image that it began from is another by now.

    Args:
        turn: 1 to 3.
        bases: the base images of the run, by name.
        read_all: compare the content of every file, and not only its size.

    Returns:
        Image to what was found, the path of the file included.
    """
    images = sorted(run.finished(turn))
    sizes = {f"turn-{turn}/{name}": size for name, size in run.sizes(f"turn-{turn}").items()}
    with ThreadPoolExecutor(READERS) as pool:
        problems = pool.map(lambda image: _damage(run, image, turn, bases.get(image), sizes, read_all), images)
        found = {image: problem for image, problem in zip(images, problems, strict=True) if problem}
    for image in found:
        run.delete(record_path(image, turn))
    return found


def _damage(
    run: RunDirectory, image: str, turn: int, base: Base | None, sizes: Mapping[str, int], read_all: bool
) -> str | None:
    try:
        record = read_record(run, image, turn)
        before = read_record(run, image, turn - 1).image_file if turn > 1 else base and base.digest
    except DamagedDocument as error:
        return str(error)
    except (FileNotFoundError, ValueError):  # an earlier turn is to be made first; another version's is kept
        return None
    for path, digest in (
        (image_path(image, turn), record.image_file),
        (mask_path(image, turn), record.mask_file),
    ):
        content = run.read(path) if read_all and path in sizes else None
        if digest and (problem := digest.problem(sizes.get(path), content)):
            return f"{path} {problem}"
    if before and record.input_sha256 and before.sha256 != record.input_sha256:
        return f"{record_path(image, turn)}: the image before this turn is another by now"
    return None


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


def write_load(run: RunDirectory, turn: int, generator: str, seconds: float, device: str) -> None:
    """Notes that a worker has loaded a generator onto a device: `cpu`, `cuda` or `cuda:N`."""
    load = {"host": socket.gethostname(), "process": os.getpid(), "seconds": round(seconds, 3), "device": device}
    text = json.dumps(load)
    run.write(f"loads/turn-{turn}/{generator}.{uuid.uuid4().hex}.json", text.encode())


def count_loads(run: RunDirectory, turn: int) -> Counter[str]:
    """How often each generator was loaded for a turn, by all workers since the run began."""
    return Counter(name.removesuffix(".json").rpartition(".")[0] for name in run.names(f"loads/turn-{turn}"))


def load_devices(run: RunDirectory) -> set[str]:
    """The devices that generators were loaded onto for the first turn; what earlier versions noted has none."""
    found = (json.loads(run.read(f"loads/turn-1/{name}")) for name in sorted(run.names("loads/turn-1"))[:_LOADS])
    return {load["device"] for load in found if "device" in load}
