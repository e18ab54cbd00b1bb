"""Lists the images of a run whose edits are all finished, and measures their edits."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from builder.encoding.images import decode_image, decode_mask
from builder.run.bases import Base, read_bases
from builder.run.directory import RunDirectory, image_path, mask_path
from builder.run.file_digest import REPAIR, DamagedFile, FileDigest, check
from builder.run.records import EditRecord, read_record
from builder.run.scores import EditScore, Score
from diffseg30k import MAX_TURNS
from generation.quality.measures import changed_share, coverage
from generation.quality.seam import seam

MEASURES = "changed share, coverage, seam 2"
"""Changes with what is measured or how: a score of earlier measurements is made again."""


@dataclass(frozen=True)
class FinishedImage:
    """An image whose planned edits are all finished.

    Attributes:
        base: its base image.
        records: records of its edits, by turn.
    """

    base: Base
    records: tuple[EditRecord, ...]

    @property
    def name(self) -> str:
        return self.base.image

    @property
    def subject(self) -> str:
        """A digest of its edits and of how they are measured; it differs after an image was edited again."""
        content = [MEASURES] + [record.content() for record in self.records]
        return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class Scored:
    """A finished image with its score."""

    image: FinishedImage
    score: Score


def finished_bases(run: RunDirectory) -> tuple[list[Base], list[str]]:
    """The bases of images whose edits are all finished, and the names of images with an unfinished edit.

    Raises:
        FileNotFoundError: the run directory holds no plan.
    """
    there = [run.finished(turn) for turn in range(1, MAX_TURNS + 1)]
    finished, unfinished = [], []
    for base in read_bases(run):
        if not base.num_edits:
            continue
        if all(base.image in images for images in there[: base.num_edits]):
            finished.append(base)
        else:
            unfinished.append(base.image)
    return finished, unfinished


def read_finished(run: RunDirectory, base: Base) -> FinishedImage:
    """Reads the records of an image.

    Raises:
        ValueError: a record cannot be read; the message names it.
    """
    turns = range(1, base.num_edits + 1)
    return FinishedImage(base, tuple(read_record(run, base.image, turn) for turn in turns))


def measure(run: RunDirectory, image: FinishedImage) -> tuple[EditScore, ...]:
    """Measures seam, coverage and changed share of each edit, from the images after each turn.

    Raises:
        ValueError: an image cannot be read; the message names it.
    """
    digests = [image.base.digest, *(record.image_file for record in image.records)]
    paths = [image_path(image.name, turn) for turn in range(len(image.records) + 1)]
    pictures = [_decoded(run, path, digest, decode_image) for path, digest in zip(paths, digests, strict=True)]
    measured = []
    for record, before, after in zip(image.records, pictures, pictures[1:], strict=False):
        mask = _decoded(run, mask_path(image.name, record.turn), record.mask_file, decode_mask) > 0
        measured.append(_measured(record.turn, before, after, mask))
    return tuple(measured)


def _measured(turn: int, before: np.ndarray, after: np.ndarray, mask: np.ndarray) -> EditScore:
    return EditScore(
        turn=turn,
        seam=seam(after, mask),
        coverage=coverage(before, after, mask),
        changed_share=changed_share(before, after, mask),
    )


def _decoded(
    run: RunDirectory, path: str, digest: FileDigest | None, decode: Callable[[bytes], np.ndarray]
) -> np.ndarray:
    try:
        return decode(check(run.read(path), digest, path))
    except DamagedFile as error:
        raise DamagedFile(f"{error}; {REPAIR}") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read ({error}); {REPAIR}") from error
