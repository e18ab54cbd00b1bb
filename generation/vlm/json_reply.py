"""Extracts the one JSON answer from a VLM's reply, or rejects the reply.

Servers that enforce a schema send bare JSON. Others fence it, open and close it with a phrase, use Python's quotes
or stop half way. What a reply may look like is a grammar:

    reply   = [thoughts "</think>"] [opening] value {value} [closing]
    value   = JSON | "```" [language] JSON ["```"]
    opening = a known phrase, such as "Sure! Here is the JSON:"
    closing = a known phrase, such as "Let me know if you need anything else."

Several values have to be equal. Whatever the grammar does not know is refused, for it may say anything: that the
value is an example, or wrong, or what a sign in the picture demands.
"""

import ast
import json
import re
from collections.abc import Callable
from typing import Any

from generation.vlm.question import UnusableReply

LONGEST = 20_000
"""Longest accepted reply, in characters."""

WRAPPERS = ("answer", "output", "response", "result")
"""Keys in which some models wrap the whole answer."""

_WHAT = (
    r"(?:(?:the|my|a|an|your)\s+)?(?:(?:final|requested|required|short|brief|detailed|revised|valid|json|distinct|new"
    r"|main|possible|editable)\s+)*(?:json|objects?|answers?|outputs?|results?|responses?|ratings?|scores?|reasons?"
    r"|evaluation|assessment|analysis|descriptions?|prompts?|captions?|list|format)"
)
_WHICH = (
    r"(?:\s+(?:object|format|response|output|list|description|and (?:the )?(?:reason|background)|for it"
    r"|of (?:the|all) objects?"
    r"|(?:of|for|in|from|on) (?:the|this|that|your)(?: edited| given| provided| second| third| first)?"
    r" (?:picture|image|photo|scene|edit|region|object|area)"
    r"|(?:that )?(?:I|you) (?:can )?(?:see|found|asked for|requested|can be seen)"
    r"|as (?:requested|you asked)|in (?:the )?(?:requested |json )?(?:json|format|form)(?: format)?"
    r"|(?:that )?(?:could|can) be (?:edited|seen)(?: one by one)?))*"
)
_OPENING = re.compile(
    r"(?:(?:sure|certainly|of course|okay|ok|alright|absolutely|great|yes)(?:\s+thing)?\s*[!,.:]?\s*)?"
    rf"(?:based on (?:the|this|your)(?: provided| given| edited)? (?:picture|image|photo|scene)s?,?\s*)?"
    rf"(?:(?:here(?:['’]s| is| are)|this is|below is|the following is)\s+{_WHAT}{_WHICH}\s*[:.]?"
    rf"|{_WHAT}{_WHICH}\s*(?:\[\w+\]|\(\w+\))?\s*(?:is|are)?\s*:)?",
    re.I,
)
_CLOSING = re.compile(
    r"(?:[.\s]*|\s*(?:(?:please\s+)?let me know\b[a-z ,'’]*|(?:I )?hope (?:this|that|it) helps\b[a-z ,'’]*"
    r"|enjoy|have a (?:nice|great|good) day|feel free to\b[a-z ,'’]*|thank you|thanks"
    r"|(?:it|this|the (?:description|prompt|object|new object|background|caption))"
    r" (?:fits|matches|suits|blends|keeps|describes|follows|complements)\b[a-z ,'’]*)[.!?]*\s*)",
    re.I,
)
_START = re.compile(r"```|[\[{]")
_FENCE = re.compile(r"```[a-zA-Z0-9]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_MOST_STARTS = 4
"""Places at which the value may begin: those before it belong to the opening."""
_ERRORS = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)
_DAMAGED = "the reply's JSON is damaged or broken off"


def find_answer(text: str, is_answer: Callable[[Any], bool]) -> Any:
    """Extracts the JSON answer of a reply.

    Args:
        text: the reply.
        is_answer: whether a value has the shape of an answer.

    Raises:
        UnusableReply: the reply is not of the grammar, its JSON is damaged, broken off or of another shape, or it
            gives several values that differ.
    """
    text = without_thoughts(text)
    answers = [_unwrapped(value) for value in _values(text)]
    if not all(map(is_answer, answers)):
        raise UnusableReply("the reply's JSON is not of the shape that was asked for")
    if any(answer != answers[0] for answer in answers[1:]):
        raise UnusableReply("the reply holds several answers that differ")
    return answers[0]


def without_thoughts(text: str) -> str:
    """A reply without what a model that thinks aloud says first, its line ends made one kind.

    Raises:
        UnusableReply: it is empty, far too long, or ends before the thoughts do.
    """
    if len(text) > LONGEST:
        raise UnusableReply("the reply is far too long")
    text = re.sub(r"\r\n?", "\n", text.replace("\ufeff", ""))
    if "<think>" in text and "</think>" not in text:
        raise UnusableReply("the reply is broken off")
    text = text.rsplit("</think>", 1)[-1].strip()
    if not text:
        raise UnusableReply("the reply is empty")
    return text


def _values(text: str) -> list[Any]:
    """The values of a reply of the grammar, at least one."""
    starts = [found.start() for found in _START.finditer(text)][:_MOST_STARTS]
    begin = next((at for at in starts if _OPENING.fullmatch(text[:at].strip())), None)
    if begin is None:
        raise UnusableReply("the reply is not one JSON value: other words come before it, or there is none")
    values, rest = [], text[begin:]
    while True:
        value, rest = _first_value(rest)
        values.append(value)
        if not _START.match(rest):
            break
    if not _CLOSING.fullmatch(rest):
        raise UnusableReply("the reply is not one JSON value: other words follow it")
    return values


def _first_value(text: str) -> tuple[Any, str]:
    """The value that a text begins with, and what follows."""
    if fence := _FENCE.match(text):
        return _whole(fence[1]), text[fence.end() :].strip()
    try:
        value, end = _DECODER.raw_decode(text)
    except _ERRORS:
        end = max(text.rfind("}"), text.rfind("]")) + 1
        return _python_literal(text[:end]), text[end:].strip()
    return value, text[end:].strip()


def _whole(text: str) -> Any:
    """Parses a text that is one JSON value and nothing else."""
    text = text.strip()
    try:
        return _DECODER.decode(text)
    except _ERRORS:
        return _python_literal(text)


def _python_literal(text: str) -> Any:
    """Parses a Python literal, for models that write single quotes or trailing commas."""
    try:
        node = ast.parse(text, mode="eval").body
        if any(isinstance(part, ast.Dict) and _repeats(part) for part in ast.walk(node)):
            raise ValueError("a key is there twice")
        value = ast.literal_eval(node)
        json.dumps(value, allow_nan=False)
    except _ERRORS as error:
        raise UnusableReply(_DAMAGED) from error
    return value


def _repeats(node: ast.Dict) -> bool:
    keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
    return len(set(keys)) < len(node.keys)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant, strict=False)


def _unwrapped(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        ((key, inner),) = value.items()
        if key in WRAPPERS and isinstance(inner, dict):
            return inner
    return value
