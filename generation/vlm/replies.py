"""Parses replies to the three kinds of question into typed values.

Each function returns the parsed reply or raises `UnusableReply`. Text from a reply is cleaned before use, and
never used as a path or an instruction.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from diffseg30k import EDIT_TYPES
from generation.vlm.json_reply import find_answer
from generation.vlm.question import UnusableReply

MAX_OBJECTS = 12
"""Number of objects that are taken from a reply: the first ones, because people and large objects come first."""

LONGEST_NAME, LONGEST_PROMPT, LONGEST_REASON = 40, 300, 400
"""Characters."""

KINDS = (
    *("person", "animal", "vehicle", "food", "furniture", "kitchen", "accessory", "sports", "electronic"),
    *("appliance", "indoor", "outdoor", "plant", "building", "landscape"),
)
"""The kinds of objects in replies: COCO's supercategories, and three for scenery."""

_ARTICLE = re.compile(r"^(?:an?|the|some|one|this|that)\s+")
_NAME = re.compile(r"[a-z][a-z' -]*[a-z]")
_NO_NAMES = re.compile(r"\b(?:ignore|instructions?|system|assistant|prompt|score|none|nothing|unknown|n/a)\b")
_ORDERS = re.compile(
    r"(?:please\s+)?(?:remove|delete|erase|replace|change|add|make|edit|turn|insert|inpaint|transform|modify|put|"
    r"recolou?r|fill)\b",
    re.I,
)
_MARKUP = re.compile(r"<[|/a-zA-Z]|https?:|[{}\[\]\\|]|\b(?:ignore|disregard)\b.*\binstructions?\b", re.I)
_PLACEHOLDER = re.compile(
    r"[.…_\s-]*|(?:(?:your|the|a|one) )?(?:prompt|reason|sentence|description|new object|explanation)(?: here)?\.?"
    r"|brief explanation in one sentence|what is seen in between",
    re.I,
)
_PAPER_SCORE = re.compile(
    r"(?P<score>\d+(?:\.\d+)?)(?:\s*/\s*5)?\s*[,.;:-]\s*(?:the )?reason is(?: that)?:?\s+(?P<reason>\S.*)",
    re.I | re.DOTALL,
)
_NUMBER = re.compile(r"(\d(?:\.\d{1,6})?)(?:\s*/\s*5)?")


@dataclass(frozen=True)
class NamedObject:
    """One object that a VLM named.

    Attributes:
        name: an English noun phrase without article, lower case.
        kind: one of `KINDS`, or empty.
    """

    name: str
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
    if isinstance(entry, str):
        name, kind = entry, ""
    elif isinstance(entry, dict) and isinstance(entry.get("name"), str):
        name, kind = entry["name"], entry.get("kind", "")
    else:
        raise UnusableReply("an object of the reply is not an object with a name")
    cleaned = clean_name(name)
    kind = kind.strip().lower() if isinstance(kind, str) else ""
    return NamedObject(cleaned, kind if kind in KINDS else "") if cleaned else None


def clean_name(name: str) -> str | None:
    """An object's name in lower case, without article; None if it is not a short English noun phrase."""
    plain = " ".join(name.lower().replace("_", " ").split())
    plain = _ARTICLE.sub("", plain)
    if len(plain) > LONGEST_NAME or len(plain.split()) > 4:
        return None
    return plain if _NAME.fullmatch(plain) and not _NO_NAMES.search(plain) else None


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
    prompt = clean_prompt(answer["prompt"])
    background = clean_prompt(answer["background"]) if "background" in wanted else None
    emptied = prompt if edit_type == "removal" else background
    if emptied is not None and _mentions(emptied, object):
        raise UnusableReply(f"what is to be seen without the object names it: {object}")
    if background is not None and prompt.lower() == background.lower():
        raise UnusableReply("the new object and the background are the same")
    return WrittenPrompt(prompt, background)


def clean_prompt(value: Any) -> str:
    """Cleans a prompt to one line.

    Raises:
        UnusableReply: it is not a description of a picture.
    """
    if not isinstance(value, str):
        raise UnusableReply("the reply's prompt is not text")
    text = _one_line(value).strip("\"' ")
    if _PLACEHOLDER.fullmatch(text) or len(text) < 3:
        raise UnusableReply("the reply's prompt is empty")
    if len(text) > LONGEST_PROMPT:
        raise UnusableReply("the reply's prompt is too long")
    if _MARKUP.search(text):
        raise UnusableReply("the reply's prompt holds markup or instructions")
    if _ORDERS.match(text):
        raise UnusableReply("the reply's prompt is an order and not a description")
    if not _is_latin(text):
        raise UnusableReply("the reply's prompt is not in English")
    return text


def _mentions(text: str, object: str) -> bool:
    return bool(re.search(rf"\b{re.escape(object.lower())}(?:e?s)?\b", text.lower()))


# ── Scores ────────────────────────────────────────────────────────────────────────────────────────


def read_judgement(text: str) -> Judgement:
    """The score and the reason in a reply, as JSON or in the wording of the paper's examples.

    Raises:
        UnusableReply: it has no score from 0 to 5, or no reason.
    """
    if said := _PAPER_SCORE.fullmatch(text.strip()):
        if _PAPER_SCORE.search(said["reason"]):
            raise UnusableReply("the reply holds several answers that differ")
        return Judgement(_score(float(said["score"])), _reason(said["reason"]))
    answer = find_answer(text, lambda value: isinstance(value, dict) and set(value) == {"score", "reason"})
    return Judgement(_score(answer["score"]), _reason(answer["reason"]))


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
    text = _one_line(value)
    if _PLACEHOLDER.fullmatch(text):
        raise UnusableReply("the reply gives no reason")
    if re.search(r"<[|/a-zA-Z]|[{}]", text):
        raise UnusableReply("the reply's reason holds markup")
    return text if len(text) <= LONGEST_REASON else f"{text[: LONGEST_REASON - 1].rstrip()}…"


# ── Text ──────────────────────────────────────────────────────────────────────────────────────────


def _one_line(text: str) -> str:
    """Text without line breaks, control characters and invisible characters."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    return " ".join("".join(one for one in spaced if unicodedata.category(one)[0] != "C").split())


def _is_latin(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return bool(letters) and all("LATIN" in unicodedata.name(letter, "") for letter in letters)
