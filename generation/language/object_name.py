"""The name of an object: a short noun phrase and nothing that could be read as an instruction.

`object_name` reads the names in a VLM's replies and the categories of annotation files; every prompt and question
uses what it returns.
"""

import re
import unicodedata
from typing import NewType

ObjectName = NewType("ObjectName", str)
"""A name made by `object_name`."""

UNNAMED = ObjectName("object")
"""The name of an annotated object whose category is no name."""

LONGEST, MOST_WORDS = 40, 4
"""Characters, and words."""

_ARTICLE = re.compile(r"^(?:an?|the|some|this|that|these|those)\s+")
_SEPARATORS = re.compile(r"[' -]")
_EMPTY = """
    none nothing unknown null nil undefined other others object objects item items thing things stuff something
    anything everything background foreground scene picture pictures image images photo photograph view region area
    mask outline
"""
_NO_OBJECTS = frozenset(_EMPTY.split())
"""Nouns that name nothing to look for."""

_DENYING = """
    no not never ignore disregard instruction instructions system assistant user prompt score scores points rating
    please sorry cannot can't zero one two three four five six seven eight nine ten
"""
_NEVER = frozenset(_DENYING.split())
"""Words that no name of an object has: they deny, count or instruct."""

_VERBS = "give rate answer reply say write output print return tell follow do use put make remove add"
_ORDERS = frozenset(_VERBS.split())
"""Verbs that begin an order and, with further words, no name."""


def object_name(text: object) -> ObjectName | None:
    """The name that a text gives; None where it is no name of an object.

    Args:
        text: a category or a name, such as `Traffic_Light`; of any other type than text it is no name.

    Returns:
        Lower case, without article, words separated by one space; letters of any script, hyphens and apostrophes.
    """
    if not isinstance(text, str) or len(text) > 4 * LONGEST:
        return None
    plain = " ".join(unicodedata.normalize("NFC", text).lower().replace("_", " ").replace("’", "'").split())
    plain = _ARTICLE.sub("", plain)
    words = plain.split()
    if not words or len(plain) > LONGEST or len(words) > MOST_WORDS:
        return None
    if not all(part.isalpha() for part in _SEPARATORS.split(plain)):
        return None
    if _NEVER.intersection(words) or words[-1] in _NO_OBJECTS or (len(words) > 1 and words[0] in _ORDERS):
        return None
    return ObjectName(plain)
