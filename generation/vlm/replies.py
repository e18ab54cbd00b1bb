"""Parses replies to the three kinds of question into typed values.

Each function returns the parsed reply or raises `UnusableReply`. Text from a reply is cleaned before use, and
never used as a path or an instruction.
"""

import re
from dataclasses import dataclass
from typing import Any

from diffseg30k import EDIT_TYPES
from generation.language.descriptions import NotADescription, description, one_line
from generation.language.english import is_english
from generation.language.object_name import ObjectName, object_name
from generation.language.same_object import is_about, mentions
from generation.vlm.json_reply import find_answer, without_thoughts
from generation.vlm.question import UnusableReply

MAX_OBJECTS = 12
"""Number of objects that are taken from a reply: the first ones, because people and large objects come first."""

LONGEST_REASON = 400
"""Characters."""

KINDS = (
    *("person", "animal", "vehicle", "food", "furniture", "kitchen", "accessory", "sports", "electronic"),
    *("appliance", "indoor", "outdoor", "plant", "building", "landscape"),
)
"""The kinds of objects in replies: COCO's supercategories, and three for scenery."""

_NUMBER = re.compile(r"(\d(?:\.\d{1,6})?)(?:\s*/\s*5(?:\.0)?|\s+out of\s+5|\s*\((?:score|out of 5)\))?")
_PAPER_SENTENCE = re.compile(
    r"(?:(?:based on|looking at) the (?:edited |given |provided )?(?:image|picture|photo),?\s*)?"
    r"(?:answer\s*:\s*)?"
    r"(?:(?:my |the |final |quality )*(?:score|rating)\s*(?:is|[:=])\s*"
    r"|I (?:would |will )?(?:give|rate) (?:this|the|it)(?: edited)?(?: image| picture| photo| edit)?(?: a)?"
    r"(?: score| rating)?(?: of)?\s+)?"
    r"(?P<score>\d+(?:\.\d+)?)(?:\s*/\s*5(?:\.0)?|\s+out of\s+5|\s*\((?:score|out of 5)\)|\s+points?)?"
    r"(?:(?:\s*[,.;:–—-]|\s*\n)?(?:\s*and)?\s*(?:the |my )?(?:brief )?reason\s*(?:is|[:=])(?: that)?:?|,? because)"
    r"\s+(?P<reason>\S.*)",
    re.I | re.DOTALL,
)
"""The paper's sentence, `4, the reason is that …` (appendix B), and the same as two labelled lines."""

_OWN_VERDICT = re.compile(
    r"\b(?:I|we)(?:['’]d| would| will| have to)? (?:\w+ )?(?:rate|score|give|grade)\b"
    r"|\bmy (?:\w+ )?(?:rating|score|verdict|grade)\b"
    r"|\b(?:final|overall|actual|true|real) (?:rating|score|grade)\b"
    r"|\b(?:rating|score|grade) (?:is|was|would|should|could|of|that)\b"
    r"|\bwould be (?:the|my|a) (?:rating|score)\b",
    re.I,
)
"""A reason that gives a verdict of its own beside the score's."""

_ANY_VERDICT = re.compile(
    r"\b(?:rat(?:e|ed|es|ing)|scor(?:e|ed|es|ing)|grade|points?|stars?|out of)\b|\d\s*/\s*\d", re.I
)
"""The same in the paper's sentence, whose end nothing marks: there a reason may not speak of ratings at all."""

_BARE_NUMBER = re.compile(
    r"(?<![\w.,/#:-])(?<!number )(?<!figure )(?<!digit )(?<!letter )(?<!numeral )(?P<number>[0-5](?:\.\d)?)"
    r"(?:\s+(?:overall|instead|then|not|at (?:most|best))\b|\s*(?:[.;,!?]|$))",
    re.I,
)
"""A number from 0 to 5 that counts nothing, as in "the rest is a 1"."""

_WRAPPED = re.compile(r"<(?P<tag>answer|output)>(?P<tagged>.*)</(?P=tag)>|\"(?P<quoted>[^\"]*)\"", re.DOTALL)

_NO_REASON = re.compile(
    r"[.…_\s-]*|that|(?:(?:your|the|a|one) )?(?:reason|sentence|explanation)(?: here)?\.?"
    r"|brief explanation in one sentence",
    re.I,
)


@dataclass(frozen=True)
class NamedObject:
    """One object that a VLM named.

    Attributes:
        name: in English.
        kind: one of `KINDS`, or empty.
    """

    name: ObjectName
    kind: str


@dataclass(frozen=True)
class WrittenPrompt:
    """A prompt that a VLM wrote.

    Attributes:
        prompt: describes the region after the edit.
        background: for an addition describes the region between removal and addition; else None.
    """

    prompt: str
    background: str | None


@dataclass(frozen=True)
class Judgement:
    """A VLM's score of an image or edit, with its reason.

    Attributes:
        score: 0 (very unnatural) to 5 (natural).
        reason: one sentence.
    """

    score: float
    reason: str


# ── Objects ───────────────────────────────────────────────────────────────────────────────────────


def read_objects(text: str) -> tuple[NamedObject, ...]:
    """The objects that a reply names, at most MAX_OBJECTS; empty if it says that there are none.

    Names that are not short English noun phrases are dropped.

    Raises:
        UnusableReply: it is not a list of objects, or has no usable name.
    """
    answer = find_answer(text, _is_objects)
    entries = answer["objects"] if isinstance(answer, dict) else answer
    named = [_named(entry) for entry in entries]
    usable = list(dict.fromkeys(one.name for one in named if one))
    kinds = {one.name: one.kind for one in reversed(named) if one}
    if entries and not usable:
        raise UnusableReply("none of the reply's objects has a name that can be looked for")
    return tuple(NamedObject(name, kinds[name]) for name in usable[:MAX_OBJECTS])


def _is_objects(value: Any) -> bool:
    if isinstance(value, dict):
        return set(value) == {"objects"} and isinstance(value["objects"], list)
    return isinstance(value, list) and bool(value) and all(isinstance(entry, str | dict) for entry in value)


def _named(entry: Any) -> NamedObject | None:
    fields = {"name": entry} if isinstance(entry, str) else entry if isinstance(entry, dict) else {}
    name, kind = fields.get("name", fields.get("label")), fields.get("kind", "")  # Qwen labels its boxes
    if not isinstance(name, str):
        raise UnusableReply("an object of the reply is not an object with a name")
    cleaned = object_name(name.strip().removesuffix("."))
    kind = kind.strip().lower() if isinstance(kind, str) else ""
    return NamedObject(cleaned, kind if kind in KINDS else "") if cleaned and is_english(cleaned) else None


# ── Prompts ───────────────────────────────────────────────────────────────────────────────────────


def read_prompt(text: str, edit_type: str, object: str) -> WrittenPrompt:
    """The prompt that a reply gives.

    Args:
        text: the reply.
        edit_type: one of `diffseg30k.EDIT_TYPES`.
        object: name of the object in the region before the edit.

    Raises:
        UnusableReply: it has no prompt, or one unsuitable for a diffusion model: an order, the removed object's
            name in a removal, another language, markup.
    """
    if edit_type not in EDIT_TYPES:
        raise ValueError(f"{edit_type!r} is not an edit type; the three are {', '.join(EDIT_TYPES)}")
    wanted = {"prompt", "background"} if edit_type == "addition" else {"prompt"}
    answer = find_answer(text, lambda value: isinstance(value, dict) and set(value) == wanted)
    prompt = _description(answer["prompt"])
    background = _description(answer["background"]) if "background" in wanted else None
    emptied = prompt if edit_type == "removal" else background
    if emptied is not None and mentions(emptied, object):
        raise UnusableReply(f"what is to be seen without the object names it: {object}")
    if background is not None and prompt.lower() == background.lower():
        raise UnusableReply("the new object and the background are the same")
    if edit_type == "addition" and is_about(prompt, object):
        raise UnusableReply(f"the new object is again what was taken away: {object}")
    return WrittenPrompt(prompt, background)


def _description(value: Any) -> str:
    try:
        return description(value)
    except NotADescription as error:
        raise UnusableReply(f"the reply's prompt cannot be used: {error}") from error


# ── Scores ────────────────────────────────────────────────────────────────────────────────────────


def read_judgement(text: str) -> Judgement:
    """The score and the reason in a reply, as JSON or in the wording of the paper's examples.

    Raises:
        UnusableReply: it has no score from 0 to 5, or no reason.
    """
    plain = without_thoughts(text).replace("**", "").strip()
    if wrapped := _WRAPPED.fullmatch(plain):
        plain = (wrapped["tagged"] or wrapped["quoted"] or "").strip()
    if said := _PAPER_SENTENCE.fullmatch(plain):
        if _ANY_VERDICT.search(said["reason"]) or _PAPER_SENTENCE.search(said["reason"]):
            raise UnusableReply("the reply holds several answers that differ")
        return _judgement(float(said["score"]), said["reason"])
    answer = find_answer(plain if wrapped else text, lambda value: _judgement_keys(value) is not None)
    score, reason = _judgement_keys(answer) or ("score", "reason")
    return _judgement(answer[score], answer[reason])


def _judgement_keys(value: Any) -> tuple[str, str] | None:
    """The keys of the score and of the reason in an object that has these two and no other; else None."""
    pairs = ((score, reason) for score in ("score", "rating") for reason in ("reason", "explanation"))
    return next((pair for pair in pairs if isinstance(value, dict) and set(value) == set(pair)), None)


def _judgement(score: Any, reason: Any) -> Judgement:
    judgement = Judgement(_score(score), _reason(reason))
    if any(float(found["number"]) != judgement.score for found in _BARE_NUMBER.finditer(judgement.reason)):
        raise UnusableReply("the reply's reason gives another score")
    return judgement


def _score(value: Any) -> float:
    if isinstance(value, str) and (number := _NUMBER.fullmatch(value.strip())):
        value = float(number[1])
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableReply("the reply's score is not a number")
    if not 0 <= value <= 5:
        raise UnusableReply("the reply's score is not from 0 to 5")
    return float(value)


def _reason(value: Any) -> str:
    if not isinstance(value, str):
        raise UnusableReply("the reply's reason is not text")
    text = one_line(value)
    if _NO_REASON.fullmatch(text):
        raise UnusableReply("the reply gives no reason")
    if re.search(r"<[|/a-zA-Z]|[{}]", text):
        raise UnusableReply("the reply's reason holds markup")
    if _OWN_VERDICT.search(text):
        raise UnusableReply("the reply's reason gives another score")
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1].rstrip()}…"
