"""Builds the dataset row of a finished image of a run."""

import functools
from collections.abc import Sequence

from builder.encoding.painting import Turn, paint
from builder.encoding.webp_header import lossless_size
from builder.run.bases import Base
from builder.run.directory import RunDirectory, base_path, image_path, mask_path, record_path
from builder.run.file_digest import DamagedFile, FileDigest, check
from builder.run.records import EditRecord, read_record
from builder.run.scores import Score
from diffseg30k import CLASS_NAMES, COMPOSITING, EDIT_TYPES, LABELS, SOURCES, label_value


class BrokenImage(ValueError):
    """An image of a run that cannot be packed.

    Attributes:
        image: its name in the run.
        reason: what is wrong, and with which file.
    """

    def __init__(self, image: str, reason: str) -> None:
        super().__init__(f"{image}: {reason}")
        self.image = image
        self.reason = reason


def read_records(run: RunDirectory, base: Base) -> list[EditRecord]:
    """The records of all turns of a finished image, in order.

    Raises:
        BrokenImage: a file is missing or unreadable, or has a value that the schema does not allow.
    """
    try:
        records = [read_record(run, base.image, turn) for turn in range(1, base.num_edits + 1)]
    except (ValueError, FileNotFoundError) as error:
        raise BrokenImage(base.image, str(error)) from error
    for turn, record in enumerate(records, start=1):
        if problem := _record_problem(record, turn):
            raise BrokenImage(base.image, f"{record_path(base.image, turn)}: {problem}")
    return records


def _record_problem(record: EditRecord, turn: int) -> str | None:
    if record.turn != turn:
        return f"it is of turn {record.turn}"
    for value, known in (
        (record.generator, CLASS_NAMES[1:]),
        (record.edit_type, EDIT_TYPES),
        (record.compositing, COMPOSITING),
    ):
        if value not in known:
            return f"{value!r} is none of {', '.join(known)}"
    return None


def read_row(run: RunDirectory, base: Base, score: Score | None, with_originals: bool) -> dict:
    """The dataset row of a finished image, but for the held-out columns.

    Images and the masks of the turns are the run's bytes, unchanged. A score judges the image as its last
    edit left it, so that edit carries it with the reason unless each edit was judged by itself; the image's own
    score has a column to itself.

    Raises:
        BrokenImage: a file is missing, damaged, or of another size than the image.
    """
    records = read_records(run, base)
    image = _read(run, base, image_path(base.image, base.num_edits), final_digest(base, records))
    size = _size(image, base, image_path(base.image, base.num_edits))
    masks = [_read(run, base, mask_path(base.image, record.turn), record.mask_file) for record in records]
    semantic, binary = _paint(base, size, records, masks)
    edits = [_edit(record, mask) for record, mask in zip(records, masks, strict=True)]
    if score and edits:
        _add_quality(edits, score)
    row: dict = {
        "id": base.row_id,
        "image": _picture(image),
        "binary_mask": _picture(binary),
        "semantic_mask": _picture(semantic),
        "label": LABELS.index("edited" if records else "real"),
        "generators": [label_value(record.generator) for record in records],
        "num_edits": len(records),
        "base": _base_fields(base),
        "edits": edits,
        "quality_score": score.score if score else None,
    }
    if with_originals:
        original = _read(run, base, base_path(base.image), base.digest)
        if _size(original, base, base_path(base.image)) != size:
            raise BrokenImage(base.image, f"{base_path(base.image)} is not of the image's size")
        row["original"] = _picture(original)
    return row


def final_digest(base: Base, records: Sequence[EditRecord]) -> FileDigest | None:
    """Of the image after the last turn; None in a run of an earlier version."""
    return records[-1].image_file if records else base.digest


def _picture(data: bytes) -> dict:
    return {"bytes": data, "path": None}


def _base_fields(base: Base) -> dict:
    return {
        "source": SOURCES.index(base.source),
        "id": base.base_id,
        "generator": label_value(base.generator) if base.generator else None,
        "prompt": base.prompt,
        "license": base.license,
        "url": base.url,
    }


def _edit(record: EditRecord, mask: bytes) -> dict:
    return record.in_dataset() | {
        "generator": label_value(record.generator),
        "edit_type": EDIT_TYPES.index(record.edit_type),
        "mask": _picture(mask),
        "quality_score": None,
        "quality_reason": None,
        "seam": None,
        "coverage": None,
        "changed_share": None,
    }


def _add_quality(edits: list[dict], score: Score) -> None:
    if score.judge != "edit" and score.score is not None:
        edits[-1] |= {"quality_score": score.score, "quality_reason": score.reason}
    of_turn = {edit.turn: edit for edit in score.edits}
    for turn, edit in enumerate(edits, start=1):
        if found := of_turn.get(turn):
            edit |= {"seam": found.seam, "coverage": found.coverage, "changed_share": found.changed_share}
            if found.score is not None:
                edit |= {"quality_score": found.score, "quality_reason": found.reason}


def _read(run: RunDirectory, base: Base, path: str, digest: FileDigest | None) -> bytes:
    try:
        return check(run.read(path), digest, path)
    except FileNotFoundError as error:
        raise BrokenImage(base.image, f"{path} is missing") from error
    except DamagedFile as error:
        raise BrokenImage(base.image, str(error)) from error


def _size(data: bytes, base: Base, path: str) -> tuple[int, int]:
    """Width and height, from the header: the pixels are not decoded."""
    try:
        return lossless_size(data)
    except ValueError as error:
        raise BrokenImage(base.image, f"{path} cannot be read: {error}") from error


def _paint(
    base: Base, size: tuple[int, int], records: list[EditRecord], masks: list[bytes]
) -> tuple[bytes, bytes]:
    turns = [
        Turn(mask, label_value(record.generator), mask_path(base.image, record.turn))
        for record, mask in zip(records, masks, strict=True)
    ]
    if not turns:
        return _empty_masks(size)
    try:
        return paint(turns, size)
    except ValueError as error:
        raise BrokenImage(base.image, str(error)) from error


@functools.lru_cache(maxsize=16)
def _empty_masks(size: tuple[int, int]) -> tuple[bytes, bytes]:
    return paint([], size)
