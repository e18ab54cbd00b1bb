"""Reads and writes `scores/IMAGE.json` of a run, the quality of a finished image."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

from builder.encoding.json_document import JsonDocument
from builder.run.directory import RunDirectory, score_path

LOWEST, HIGHEST = 0.0, 5.0
"""The range of a score (paper, 3.2)."""


@dataclass(frozen=True)
class EditScore:
    """The quality of one edit.

    Attributes:
        turn: 1 to 3.
        seam: how clearly the mask's border stands out, 0 or more; under 1 no more than most borders of objects in
            photographs. None where it was not measured, as in a mask without a border.
        coverage: share of the changed pixels that lie inside the mask, 0 to 1. None where nothing changed.
        changed_share: share of the mask's pixels that changed, 0 to 1. None where it was not measured.
        score: 0 to 5, where the edits were judged one by one.
        reason: the sentence that came with the score.
    """

    turn: int
    seam: float | None
    coverage: float | None
    changed_share: float | None = None
    score: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Score:
    """The quality of a finished image.

    Attributes:
        score: 0 to 5; None where no VLM judged it.
        reason: one sentence why it was accepted or not.
        accepted: an image that is not is left out of the dataset.
        rejected_for: a few words, the same for all images rejected on the same ground; None for accepted ones.
        judge: what the VLM was shown: `image` or `edit`; None without one.
        vlm: the model that judged; None without one.
        edits: in order of turn; empty where they were not looked at one by one.
        subject: a digest of the edits that were judged; None where the score does not say.
    """

    score: float | None
    reason: str | None
    accepted: bool
    rejected_for: str | None = None
    judge: str | None = None
    vlm: str | None = None
    edits: tuple[EditScore, ...] = ()
    subject: str | None = None


def write_score(run: RunDirectory, image: str, score: Score) -> None:
    run.write(score_path(image), _SCORE.dump(dataclasses.asdict(score)))


def read_score(run: RunDirectory, image: str) -> Score:
    """The score of an image. `score` and `accepted` have to be there; what else is missing counts as unknown.

    Raises:
        FileNotFoundError: the image is not scored.
        ValueError: the file is not a score; the message names the file and the reason.
    """
    path = score_path(image)
    return _SCORE.load(run.read(path), path)


def _score(content: dict[str, Any]) -> Score:
    if not isinstance(content["accepted"], bool):
        raise TypeError(f"accepted is {content['accepted']!r}")
    return Score(
        score=_number(content["score"], HIGHEST),
        reason=_text(content.get("reason")),
        accepted=content["accepted"],
        rejected_for=_text(content.get("rejected_for")),
        judge=_text(content.get("judge")),
        vlm=_text(content.get("vlm")),
        edits=tuple(_edit_score(edit) for edit in content.get("edits", ())),
        subject=_text(content.get("subject")),
    )


_SCORE = JsonDocument("a score", 1, _score, "delete it to score again", others_write=True)


def _edit_score(content: dict[str, Any]) -> EditScore:
    return EditScore(
        turn=int(content["turn"]),
        seam=_number(content.get("seam"), math.inf),
        coverage=_number(content.get("coverage"), 1.0),
        changed_share=_number(content.get("changed_share"), 1.0),
        score=_number(content.get("score"), HIGHEST),
        reason=_text(content.get("reason")),
    )


def _number(value: Any, highest: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= highest:
        raise ValueError(f"{value!r} is not a number from 0 to {highest:g}")
    return float(value)


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value
