"""Has a VLM write the prompts of a wave before its edits, because it needs to see the images after the earlier
turns.

prompts/turn-N.parquet   the prompts of a turn, by image; written before the turn's first edit
"""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence

import pyarrow as pa
from tqdm import tqdm

from builder.encoding.images import decode_image
from builder.run.directory import RunDirectory, image_path
from builder.run.file_digest import DamagedFile
from builder.run.planned_edit import PlannedEdit
from builder.run.records import EditFailure, write_failure
from builder.run.tables import read_table, write_table
from generation.prompts.write import Prompt
from generation.vlm.ask import ask
from generation.vlm.images import outlined
from generation.vlm.question import Picture, Question, Vlm
from generation.vlm.questions import prompt_question
from generation.vlm.replies import WrittenPrompt
from generation.vlm.reply_store import ReplyStore

_SCHEMA = pa.schema([("image", pa.string()), ("prompt", pa.string()), ("removal_prompt", pa.string())])


def write_prompts(run: RunDirectory, edits: Sequence[PlannedEdit], vlm: Vlm, store: ReplyStore) -> None:
    """Asks for the prompts of a wave. An edit without a usable prompt is recorded as a failure with the reason.

    Args:
        run: the run directory.
        edits: edits of one turn whose earlier turns are finished.
        vlm: the VLM that the plan names.
        store: earlier answers, which are not asked for again.

    Raises:
        VlmUnavailable: the VLM stopped answering; earlier answers are kept.
    """
    turn = edits[0].turn
    prompts = _read(run, turn)
    by_key = {_key(edit): edit for edit in edits}
    answers = ask(vlm, store, (_question(run, edit) for edit in edits))
    for answer in tqdm(answers, f"prompts of turn {turn}", len(edits), unit="prompt"):
        edit = by_key[answer.question.key]
        prompts.pop(edit.image, None)
        if answer.value is None:
            reason = f"the VLM gave no prompt: {answer.problem}"
            write_failure(run, EditFailure(edit.image, turn, edit.generator, reason))
        else:
            prompts[edit.image] = _prompt(answer.value)
    _write(run, turn, prompts)


def delete_damaged_prompts(run: RunDirectory, turn: int) -> bool:
    """Deletes the prompts of a turn if their file is damaged; returns whether it was.

    The VLM's replies are kept, so writing the prompts again asks no question twice.
    """
    try:
        _read(run, turn)
    except DamagedFile:
        run.delete(_path(turn))
        return True
    return False


class WrittenPrompts:
    """The prompts that a VLM wrote for a run; the file of each turn is read once.

    Args:
        run: the run directory.
    """

    def __init__(self, run: RunDirectory):
        self._run = run
        self._by_turn: dict[int, dict[str, Prompt]] = {}

    def added_to(self, edits: Sequence[PlannedEdit]) -> list[PlannedEdit]:
        """The edits with their prompts; edits whose prompt is not written yet are left out."""
        found = []
        for edit in edits:
            prompt = self._of(edit) if edit.prompt_by else None
            if prompt is not None:
                found.append(dataclasses.replace(edit, **dataclasses.asdict(prompt)))
            elif not edit.prompt_by:
                found.append(edit)
        return found

    def _of(self, edit: PlannedEdit) -> Prompt | None:
        if edit.turn not in self._by_turn:
            self._by_turn[edit.turn] = _read(self._run, edit.turn)
        return self._by_turn[edit.turn].get(edit.image)


def _question(run: RunDirectory, edit: PlannedEdit) -> Question[WrittenPrompt]:
    path = image_path(edit.image, edit.turn - 1)
    data = run.read(path)
    subject = hashlib.blake2b(data + edit.region.encode("ascii"), digest_size=16).hexdigest()
    return prompt_question(
        _key(edit),
        subject,
        Picture(path, lambda: decode_image(run.read(path))),
        Picture(f"{path}, outlined", lambda: outlined(decode_image(run.read(path)), edit.mask())),
        edit.edit_type,
        edit.object,
    )


def _key(edit: PlannedEdit) -> str:
    return f"prompts/turn-{edit.turn}/{edit.image}"


def _prompt(written: WrittenPrompt) -> Prompt:
    """For an addition the reply's background is the prompt of the removal step."""
    return Prompt(written.prompt, written.background)


def _path(turn: int) -> str:
    return f"prompts/turn-{turn}.parquet"


def _read(run: RunDirectory, turn: int) -> dict[str, Prompt]:
    if not run.exists(_path(turn)):
        return {}
    table = read_table(run, _path(turn), "give the generate command again, which writes it anew")
    return dict(_rows(table))


def _rows(table: pa.Table) -> Iterator[tuple[str, Prompt]]:
    for row in table.to_pylist():
        yield row["image"], Prompt(row["prompt"], row["removal_prompt"])


def _write(run: RunDirectory, turn: int, prompts: dict[str, Prompt]) -> None:
    rows = [{"image": image, **dataclasses.asdict(prompt)} for image, prompt in sorted(prompts.items())]
    write_table(run, _path(turn), pa.Table.from_pylist(rows, schema=_SCHEMA))
