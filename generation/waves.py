"""Who makes which edits: a turn's edits as chunks, one generator each.

Edits run in waves, one turn after the other, and a wave is a list of chunks. Neighbouring chunks share their
generator, so workers that take chunks in order load few models. The list depends on the plan alone, so a
chunk has the same number on every machine and after every crash.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from builder.run_directory import RunDirectory
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


def to_make(run: RunDirectory, edits: Sequence[PlannedEdit]) -> list[PlannedEdit]:
    """The edits of one turn that can be made now: not finished, with a finished turn before them."""
    if not edits:
        return []
    turn = edits[0].turn
    done = run.finished(turn)
    ready = run.finished(turn - 1) if turn > 1 else {edit.image for edit in edits}
    return [edit for edit in edits if edit.image in ready and edit.image not in done]
