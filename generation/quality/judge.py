"""Asks a VLM to score how natural finished images are: the whole image, or each of its edits."""

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from builder.encoding.images import decode_image, decode_mask
from builder.run.directory import RunDirectory, image_path, mask_path
from builder.run.scores import EditScore
from generation.language.object_name import object_name
from generation.quality.finished_images import FinishedImage
from generation.quality.verdict import Opinion
from generation.vlm.ask import Answer, ask
from generation.vlm.images import crop_box
from generation.vlm.question import Message, Picture, Question, Vlm
from generation.vlm.questions import edit_question, image_question
from generation.vlm.replies import Judgement
from generation.vlm.reply_store import ReplyStore
from generation.vlm.worked_examples import worked_examples


@dataclass(frozen=True)
class Measured:
    """A finished image with the measurements of its edits."""

    image: FinishedImage
    edits: tuple[EditScore, ...]


@dataclass(frozen=True)
class Judged:
    """A VLM's judgement of an image.

    Attributes:
        image: the image, with a judgement of each edit where edits were judged one by one.
        opinion: the judgement of the whole image; None if the server gave no reply, and a later call asks again.
        asked: number of questions asked in this call.
    """

    image: Measured
    opinion: Opinion | None
    asked: int


@dataclass
class _Open:
    """An image with some of its answers."""

    image: Measured
    missing: int
    answers: dict[int, Answer[Judgement]] = field(default_factory=dict)


def judge(
    run: RunDirectory, images: Iterable[Measured], how: str, vlm: Vlm, store: ReplyStore
) -> Iterator[Judged]:
    """Judges images and yields each when its answers are complete, in any order.

    Args:
        run: the run directory.
        images: consumed lazily, as the VLM takes questions.
        how: what is judged, `image` or `edit`.
        vlm: the VLM.
        store: earlier answers, which are not asked for again.

    Raises:
        VlmUnavailable: the VLM stopped answering; earlier answers are kept.
    """
    examples = worked_examples()
    open_images: dict[str, _Open] = {}
    place: dict[str, tuple[str, int]] = {}

    def questions() -> Iterator[Question[Judgement]]:
        for measured in images:
            asked = list(_questions(run, measured.image, how, examples))
            open_images[measured.image.name] = _Open(measured, len(asked))
            for turn, question in asked:
                place[question.key] = measured.image.name, turn
                yield question

    for answer in ask(vlm, store, questions()):
        name, turn = place.pop(answer.question.key)
        one = open_images[name]
        one.answers[turn] = answer
        if len(one.answers) == one.missing:
            yield _judged(open_images.pop(name), how, vlm.name)


def _questions(
    run: RunDirectory, image: FinishedImage, how: str, examples: tuple[Message, ...]
) -> Iterator[tuple[int, Question[Judgement]]]:
    """The questions about an image, each with its turn."""
    last = image.records[-1].turn
    if how == "image":
        path = image_path(image.name, last)
        key = f"scores/image/{image.name}"
        yield last, image_question(key, _digest(run, path), _picture(run, path), examples)
        return
    for record in image.records:
        before, after = image_path(image.name, record.turn - 1), image_path(image.name, record.turn)
        mask = mask_path(image.name, record.turn)
        described = f"{record.edit_type.replace('_', ' ')} of the {object_name(record.object) or 'object'}"
        yield (
            record.turn,
            edit_question(
                f"scores/edit-{record.turn}/{image.name}",
                _digest(run, before, after, mask),
                _picture(run, after),
                _crop(run, before, mask),
                _crop(run, after, mask),
                described,
                examples,
            ),
        )


def _digest(run: RunDirectory, *paths: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for path in paths:
        digest.update(run.read(path))
    return digest.hexdigest()


def _picture(run: RunDirectory, path: str) -> Picture:
    return Picture(path, lambda: decode_image(run.read(path)))


def _crop(run: RunDirectory, path: str, mask: str) -> Picture:
    def load() -> np.ndarray:
        top, bottom, left, right = crop_box(decode_mask(run.read(mask)) > 0)
        return np.ascontiguousarray(decode_image(run.read(path))[top:bottom, left:right])

    return Picture(f"{path}, the edited place", load)


def _judged(one: _Open, how: str, vlm: str) -> Judged:
    """The judgement of an image: that of its worst edit where edits were judged one by one."""
    answers = one.answers
    asked = sum(answer.asked for answer in answers.values())
    if any(answer.temporary for answer in answers.values()):
        return Judged(one.image, None, asked)
    unusable = [answer for _, answer in sorted(answers.items()) if answer.value is None]
    if unusable:
        return Judged(one.image, Opinion(vlm, how, None, unusable[0].problem), asked)
    judgements = {turn: answer.value for turn, answer in answers.items() if answer.value is not None}
    worst = min(judgements.values(), key=lambda judgement: judgement.score)
    image = one.image if how == "image" else _with_scores(one.image, judgements)
    return Judged(image, Opinion(vlm, how, worst.score, worst.reason), asked)


def _with_scores(image: Measured, judgements: dict[int, Any]) -> Measured:
    edits = tuple(
        dataclasses.replace(edit, score=judgements[edit.turn].score, reason=judgements[edit.turn].reason)
        for edit in image.edits
    )
    return dataclasses.replace(image, edits=edits)
