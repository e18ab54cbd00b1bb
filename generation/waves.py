"""Who makes which edits: a turn's edits as chunks, one generator each.

Edits run in waves, one turn after the other, and a wave is a list of chunks. Neighbouring chunks share their
generator, so workers that take chunks in order load few models. The list depends on the plan alone, so a
chunk has the same number on every machine and after every crash.

Nobody hands out chunks and nothing is locked: each worker begins with its own part of the list, and then helps
with the parts of the others. What is on disk says what is left to do. Where two meet at the same edit, it is made
twice, to the same bytes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from builder.run_directory import RunDirectory, failure_path, record_path
from diffseg30k import GENERATORS
from generation.planned_edit import PlannedEdit

CHUNK_SIZE = 32
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


def own_part(wave: Sequence[Chunk], rank: int, workers: int) -> Sequence[Chunk]:
    """The chunks that a worker begins with: neighbours, so that it loads few models."""
    return wave[len(wave) * rank // workers : len(wave) * (rank + 1) // workers]


def to_help_with(wave: Sequence[Chunk], rank: int, workers: int) -> Iterator[Chunk]:
    """The chunks of the other workers, in the order in which a worker that is done helps.

    Each part from its end, where its owner is not yet, and those first that need the model it has in memory.
    """
    others = [
        chunk for step in range(1, workers) for chunk in own_part(wave, (rank + step) % workers, workers)[::-1]
    ]
    own = own_part(wave, rank, workers)
    at_hand = _model(own[-1].edits[0]) if own else None
    # sorted keeps the order of equals
    for chunk in sorted(others, key=lambda chunk: _model(chunk.edits[0]) != at_hand):
        yield Chunk(chunk.turn, chunk.edits[::-1])


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
