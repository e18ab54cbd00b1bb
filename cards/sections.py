"""Puts the generated part of a card into a card that people have added to, and keeps what they added."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from diffseg30k import CONFIGS

BEGIN, END = "<!-- diffseg30k:begin -->", "<!-- diffseg30k:end -->"
"""What lies between them is generated; everything else in a card is kept."""

_FRONT = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_JOINED = ("language", "task_categories", "task_ids", "tags")
_BY_CONFIG = ("configs", "dataset_info")
_EARLIER = re.compile(r"\s*# DiffSeg30k\s.*^## How to load it$", re.DOTALL | re.MULTILINE)


def merged(existing: str | None, metadata: Mapping[str, Any], body: str, where: str) -> str:
    """A card with new generated parts.

    The keys of `metadata` are replaced; what was added to lists such as `tags`, and configs of other names, stay.
    All other keys stay, and so does all text outside the marks. A card without marks is a person's, which follows
    the generated part, or one of an earlier version, which is replaced.

    Args:
        existing: the card that is there; None where there is none.
        metadata: the generated metadata, whose keys are this project's.
        body: the generated text, in Markdown.
        where: the existing card's path, for messages.

    Raises:
        ValueError: its metadata cannot be read, or its marks are not one pair.
    """
    found, text = _parsed(existing or "", where)
    before, after = _around(text, where)
    front = _joined(found, metadata)
    written = yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=120)
    return f"---\n{written}---\n{before}{BEGIN}\n\n{body}\n{END}{after}"


def front_matter(card: str | None, where: str) -> dict[str, Any]:
    """The metadata of a card; empty where there is none.

    Raises:
        ValueError: it cannot be read.
    """
    return _parsed(card or "", where)[0]


def _parsed(card: str, where: str) -> tuple[dict[str, Any], str]:
    """The metadata of a card, and its text."""
    if not (match := _FRONT.match(card)):
        return {}, card
    try:
        found = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        line = " ".join(str(error).split())
        raise ValueError(f"{where}: its metadata, between the lines ---, is not YAML ({line}): mend it") from error
    if not isinstance(found or {}, dict):
        raise ValueError(f"{where}: its metadata, between the lines ---, has no keys with values: mend it")
    return found or {}, card[match.end() :]


def _around(text: str, where: str) -> tuple[str, str]:
    """What is kept before and after the marks."""
    begin, end = text.find(BEGIN), text.find(END)
    counts = text.count(BEGIN), text.count(END)
    if counts == (1, 1) and begin < end:
        return text[:begin], text[end + len(END) :]
    if counts != (0, 0):
        raise ValueError(f"{where}: it has to have {BEGIN} once and {END} once after it: mend it, or remove both")
    if not text.strip() or _EARLIER.match(text):
        return "\n", "\n"
    return "\n", f"\n\n{text.lstrip()}"


def _joined(found: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata of both, in the order of what was there, so that nothing changes without need."""
    front = {key: value for key, value in found.items() if key in made or key not in _ONLY_OURS}
    front |= made
    for key in _JOINED:
        if key in made:
            there = _list(found.get(key))
            front[key] = [*there, *(each for each in made[key] if each not in there)]
    for key in _BY_CONFIG:
        if key in made:
            others = [each for each in _list(found.get(key)) if _config_name(each) not in CONFIGS]
            front[key] = [*made[key], *others]
    return front


_ONLY_OURS = ("license_name",)
"""Keys that a generated card may leave out, and that are not kept then."""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _config_name(entry: Any) -> Any:
    return entry.get("config_name") if isinstance(entry, dict) else None
