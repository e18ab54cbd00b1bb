"""Who makes which edits: a turn's edits as chunks, one generator each.

Edits run in waves, one turn after the other, and a wave is a list of chunks. Neighbouring chunks share their
generator, so workers that take chunks in order load few models. The list depends on the plan alone, so a
chunk has the same number on every machine and after every crash.

Nobody hands out chunks: each worker takes the next that nobody is at (`FreeChunks`, `claims.Claims`), and what is
on disk says what is left to do.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import groupby

from builder.run.directory import RunDirectory, failure_path, record_path
from builder.run.planned_edit import PlannedEdit
from diffseg30k import GENERATORS

CHUNK_SIZE = 16
"""Edits that a worker takes at once: enough to make loading a model worth it, few enough to share out."""


@dataclass(frozen=True)
class Chunk:
    """Edits of one turn by one generator with one checkpoint."""

    turn: int
    edits: tuple[PlannedEdit, ...]


def chunks(plan: Sequence[PlannedEdit], turn: int, size: int = CHUNK_SIZE) -> list[Chunk]:
    """The chunks of a turn's wave, in the order in which workers take them."""
    edits = sorted((edit for edit in plan if edit.turn == turn), key=lambda edit: (*_model(edit), edit.image))
    found = []
    for _, group in groupby(edits, key=_model):
        same_model = tuple(group)
        found += [Chunk(turn, same_model[at : at + size]) for at in range(0, len(same_model), size)]
    return found


def _model(edit: PlannedEdit) -> tuple[int, str, str]:
    return GENERATORS.index(edit.generator), edit.checkpoint, edit.lora or ""


class FreeChunks:
    """The chunks of a wave that are left to a worker. Taking one costs the same however many a wave has.

    Args:
        wave: all chunks of a turn, those of a model side by side.
    """

    def __init__(self, wave: Sequence[Chunk]):
        self._following = list(range(len(wave) + 1))  # the next open one at or after each: a disjoint-set forest
        self._range: list[tuple[int, int]] = []
        for _, group in groupby(wave, key=lambda chunk: _model(chunk.edits[0])):
            size, first = sum(1 for _ in group), len(self._range)
            self._range += [(first, first + size)] * size

    def close(self, number: int) -> None:
        """Takes a chunk out for good."""
        self._following[number] = number + 1

    def next(self, held: Set[int], last: int | None, start: int) -> int | None:
        """The number of the chunk to take next: of the model in memory, as long as there is one.

        Args:
            held: numbers of those that somebody else is at.
            last: the chunk taken before.
            start: where to begin to look for another model; different for each worker, to spread them.

        Returns:
            None where nothing is left to take.
        """
        end = len(self._range)
        spans = [self._range[last]] if last is not None else []
        for first, stop in [*spans, (start, end), (0, start)]:
            number = self._open(first)
            while number < stop and number in held:
                number = self._open(number + 1)
            if number < stop:
                return number
        return None

    def _open(self, number: int) -> int:
        while (after := self._following[number]) != number:
            self._following[number] = number = self._following[after]
        return number


def to_make(run: RunDirectory, edits: Sequence[PlannedEdit]) -> list[PlannedEdit]:
    """The edits of one turn that can be made now: neither finished nor failed, with a finished turn before them.

    It lists whole folders, which is quick for a whole wave.
    """
    if not edits:
        return []
    turn = edits[0].turn
    over = run.finished(turn) | run.failed(turn)
    ready = run.finished(turn - 1) if turn > 1 else {edit.image for edit in edits}
    return [edit for edit in edits if edit.image in ready and edit.image not in over]


def still_to_make(run: RunDirectory, edits: Sequence[PlannedEdit]) -> list[PlannedEdit]:
    """The same for the edits of one chunk: it looks at their files alone, however many a run has."""
    return [edit for edit in edits if _is_to_make(run, edit)]


def _is_to_make(run: RunDirectory, edit: PlannedEdit) -> bool:
    if edit.turn > 1 and not run.exists(record_path(edit.image, edit.turn - 1)):
        return False
    over = (record_path(edit.image, edit.turn), failure_path(edit.image, edit.turn))
    return not any(run.exists(path) for path in over)
