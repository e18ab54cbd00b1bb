"""Extracts the one JSON answer from a VLM's reply, or rejects the reply.

Servers that enforce a schema send bare JSON. Other replies have code fences, text around the JSON or Python
quotes, or are truncated. A reply is accepted only if it has exactly one answer: truncated JSON, several different
answers, and JSON inside a sentence or inside another value are rejected.
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

MOST_BRACKETS = 100
"""Largest number of brackets in a reply's text; parsing is tried at each."""

_FENCE = re.compile(r"```[a-zA-Z0-9]*[ \t]*\n(.*?)```", re.DOTALL)
_BRACKET = re.compile(r"[\[{]")
_LOOKS_LIKE_JSON = re.compile(r"""\{\s*["'“”‘’}]|\[\s*["'“”‘’{]""")
_BEFORE = re.compile(r"(?:^|[:.!`])[ \t]*\Z", re.MULTILINE)
_AFTER = re.compile(r"[ \t.`]*(?:\n|\Z)")
_DOUBTS = re.compile(r"\b(?:not|never|wrong|examples?|instead|template|rather|would|unless|if)\b|n['’]t\b", re.I)
_ERRORS = (ValueError, SyntaxError, TypeError, RecursionError, MemoryError)
_DAMAGED = "the reply's JSON is damaged or broken off"


def find_answer(text: str, is_answer: Callable[[Any], bool]) -> Any:
    """Extracts the JSON answer of a reply.

    Args:
        text: the reply.
        is_answer: whether a value has the shape of an answer; other values are ignored.

    Raises:
        UnusableReply: there is no answer, there are several different ones, the JSON is damaged or truncated, or
            the text around it may mean that it is not the answer.
    """
    if len(text) > LONGEST:
        raise UnusableReply("the reply is far too long")
    text = _without_thinking(text.replace("\ufeff", "")).strip()
    if not text:
        raise UnusableReply("the reply is empty")
    values, prose = _values(text)
    answers = [value for value in map(_unwrapped, values) if is_answer(value)]
    if not answers:
        raise UnusableReply("the reply holds no JSON of the shape that was asked for")
    if any(answer != answers[0] for answer in answers[1:]):
        raise UnusableReply("the reply holds several answers that differ")
    if _DOUBTS.search(prose):
        raise UnusableReply("words around the reply's JSON leave open whether it is the answer")
    return answers[0]


def _without_thinking(text: str) -> str:
    """The text after the thinking section of a reasoning model."""
    if "<think>" in text and "</think>" not in text:
        raise UnusableReply("the reply is broken off")
    return text.rsplit("</think>", 1)[-1]


def _values(text: str) -> tuple[list[Any], str]:
    """The outermost JSON values of a text, and the text around them."""
    try:
        return [_whole(text)], ""
    except UnusableReply:
        fenced = [_whole(part) for part in _FENCE.findall(text)]
    found, prose = _scattered(_FENCE.sub("\n", text))
    return fenced + found, prose


def _whole(text: str) -> Any:
    """Parses a text that is one JSON value and nothing else."""
    text = text.strip()
    try:
        return _DECODER.decode(text)
    except _ERRORS:
        return _python_literal(text)


def _scattered(text: str) -> tuple[list[Any], str]:
    """The values that end a line or fill lines; other brackets in the text are ignored."""
    found, prose, position, search_from = [], "", 0, 0
    if len(_BRACKET.findall(text)) > MOST_BRACKETS:
        raise UnusableReply("the reply is full of brackets")
    while start := _BRACKET.search(text, search_from):
        at = start.start()
        try:
            value, end = _DECODER.raw_decode(text, at)
        except _ERRORS as error:
            if _LOOKS_LIKE_JSON.match(text, at):
                raise UnusableReply(_DAMAGED) from error
            search_from = at + 1
            continue
        if _BEFORE.search(text[:at]) and _AFTER.match(text, end):
            found.append(value)
            prose += text[position:at]
            position = end
        elif isinstance(value, dict):
            raise UnusableReply("the reply's JSON stands in the middle of a sentence")
        search_from = end
    return found, prose + text[position:]


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
