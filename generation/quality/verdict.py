"""Accepts or discards an image, by the measurements of its edits and a VLM's judgement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from builder.run.records import EditRecord
from builder.run.scores import EditScore, Score
from generation.quality.options import QualityOptions

NO_ANSWER = "the VLM gave no score"
UNCHANGED = "an edit changed nothing"
SEAM = "a seam stands out"
OUTSIDE = "an edit changed what is outside its mask"
PARTLY = "an edit left much of its mask as it was"


@dataclass(frozen=True)
class Opinion:
    """A VLM's judgement of an image.

    Attributes:
        vlm: the VLM's name.
        judge: what it judged, `image` or `edit`.
        score: quality score, 0 to 5; None if it gave no usable answer.
        reason: its sentence, or why there is none.
    """

    vlm: str
    judge: str
    score: float | None
    reason: str | None


def decide(
    records: Sequence[EditRecord],
    edits: tuple[EditScore, ...],
    opinion: Opinion | None,
    options: QualityOptions,
    subject: str,
) -> Score:
    """Accepts or discards an image.

    Args:
        records: records of its edits, by turn.
        edits: measurements and judgements of the edits, by turn.
        opinion: the VLM's judgement; None if none was asked, and measurements alone decide.
        options: the limits.
        subject: a digest of the edits, as in `FinishedImage.subject`.
    """
    grounds = [*_measured_grounds(records, edits, options), *_opinion_grounds(opinion, options)]
    ground, detail = grounds[0] if grounds else (None, None)
    reason = opinion.reason if opinion else (detail or "by measured facts alone: within the limits")
    return Score(
        score=opinion.score if opinion else None,
        reason=reason,
        accepted=ground is None,
        rejected_for=ground,
        judge=opinion.judge if opinion else None,
        vlm=opinion.vlm if opinion else None,
        edits=edits,
        subject=subject,
    )


def opinion_of(score: Score) -> Opinion | None:
    """The VLM's judgement in a score; None if the score has none."""
    if score.vlm is None or score.judge is None:
        return None
    return Opinion(score.vlm, score.judge, score.score, score.reason)


def _measured_grounds(
    records: Sequence[EditRecord], edits: Sequence[EditScore], options: QualityOptions
) -> Iterator[tuple[str, str]]:
    for record, edit in zip(records, edits, strict=True):
        turn = f"by measured facts alone: turn {record.turn}"
        if record.inside_change < options.min_change:
            yield UNCHANGED, f"{turn} changed its mask by {record.inside_change:.4f} of 1"
        if options.max_seam is not None and edit.seam is not None and edit.seam > options.max_seam:
            yield SEAM, f"{turn} has a seam of {edit.seam:.2f}"
        if options.min_coverage is not None and edit.coverage is not None and edit.coverage < options.min_coverage:
            yield OUTSIDE, f"{turn} has only {edit.coverage:.2f} of what it changed inside its mask"
        least, share = options.min_changed_share, edit.changed_share
        if least is not None and share is not None and share < least:
            yield PARTLY, f"{turn} changed only {share:.2f} of its mask's pixels"


def _opinion_grounds(opinion: Opinion | None, options: QualityOptions) -> Iterator[tuple[str, str]]:
    if opinion is None:
        return
    if opinion.score is None:
        yield NO_ANSWER, opinion.reason or ""
    elif opinion.score < options.min_quality:
        yield f"a score below {options.min_quality:g}", opinion.reason or ""
