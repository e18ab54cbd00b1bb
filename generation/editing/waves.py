"""Splits the edits of a turn into chunks of one generator, and selects the chunk that a worker takes next.

A wave is the list of all chunks of one turn. Chunks of one generator are neighbours, so workers that take chunks
in order load few models. The list depends on the plan alone, so a chunk has the same number on every machine
and after every crash.

There is no central scheduler: each worker takes the next chunk that no other has claimed (`FreeChunks`,
`chunk_claims.Claims`). An edit is finished if its record is on disk.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, Protocol, TypeVar

from builder.run.directory import RunDirectory, failure_path, finished_path
from diffseg30k import GENERATORS

CHUNK_SIZE = 16
"""Edits per chunk: enough to outweigh a model load, few enough to spread over many workers."""


class Work(Protocol):
    """A planned edit, or in turn 0 a picture that is painted."""

    @property
    def image(self) -> str: ...
    @property
    def turn(self) -> int: ...
    @property
    def generator(self) -> str: ...
    @property
    def checkpoint(self) -> str: ...
    @property
    def lora(self) -> str | None: ...


Planned = TypeVar("Planned", bound=Work)


@dataclass(frozen=True)
class Chunk(Generic[Planned]):
    """Edits of one turn with the same generator, checkpoint and LoRA."""

    turn: int
    edits: tuple[Planned, ...]


def chunks(plan: Sequence[Planned], turn: int, size: int = CHUNK_SIZE) -> list[Chunk[Planned]]:
    """The chunks of a turn, in the order in which workers take them."""
    edits = sorted((edit for edit in plan if edit.turn == turn), key=lambda edit: (*_model(edit), edit.image))
    found = []
    for _, group in groupby(edits, key=_model):
        same_model = tuple(group)
        found += [Chunk(turn, same_model[at : at + size]) for at in range(0, len(same_model), size)]
    return found


def _model(edit: Work) -> tuple[int, str, str]:
    return GENERATORS.index(edit.generator), edit.checkpoint, edit.lora or ""


class FreeChunks:
    """The chunks of a wave that a worker has not closed. `next` takes nearly constant time whatever the wave's
    size.

    Args:
        wave: all chunks of a turn; those of one model are consecutive.
    """

    def __init__(self, wave: Sequence[Chunk[Planned]]):
        self._following = list(range(len(wave) + 1))  # next open chunk, as a disjoint-set forest
        self._range: list[tuple[int, int]] = []
        for _, group in groupby(wave, key=lambda chunk: _model(chunk.edits[0])):
            size, first = sum(1 for _ in group), len(self._range)
            self._range += [(first, first + size)] * size

    def close(self, number: int) -> None:
        """Marks a chunk as no longer available to this worker."""
        self._following[number] = number + 1

    def next(self, held: Set[int], last: int | None, start: int) -> int | None:
        """The number of the chunk to take next, preferring chunks of the model in memory.

        Args:
            held: numbers of the chunks that other workers have claimed.
            last: the number of the chunk taken before, None at first.
            start: where the search for another model begins; different for each worker.

        Returns:
            None if no chunk is available.
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


def to_make(run: RunDirectory, edits: Sequence[Planned]) -> list[Planned]:
    """The edits of one turn that can be made now: neither finished nor failed, and their previous turn is
    finished.

    Lists whole folders, which is quicker for a whole wave than a look-up per edit.
    """
    if not edits:
        return []
    over = run.finished(edits[0].turn) | run.failed(edits[0].turn)
    return [edit for edit in with_input(run, edits) if edit.image not in over]


def with_input(run: RunDirectory, edits: Sequence[Planned]) -> list[Planned]:
    """The edits of one turn whose previous turn is finished."""
    if not edits or edits[0].turn <= 1:
        return list(edits)
    ready = run.finished(edits[0].turn - 1)
    return [edit for edit in edits if edit.image in ready]


def still_to_make(run: RunDirectory, edits: Sequence[Planned]) -> list[Planned]:
    """The same for the edits of one chunk, by looking up their files only."""
    return [edit for edit in edits if _is_to_make(run, edit)]


def _is_to_make(run: RunDirectory, edit: Work) -> bool:
    if edit.turn > 1 and not run.exists(finished_path(edit.image, edit.turn - 1)):
        return False
    over = (finished_path(edit.image, edit.turn), failure_path(edit.image, edit.turn))
    return not any(run.exists(path) for path in over)
