"""A description of what is to be seen, as a diffusion model is prompted with it."""

import re
import unicodedata

from generation.language.english import is_english

LONGEST = 300
"""Characters."""

_ALLOWED = re.compile(r"[\w '’\"“”,.;:!?()&%°–—-]*")
_LETTER = r"[^\W\d_]"
_NOTHING = re.compile(
    r"[.…_\s-]*"
    r"|(?:none|null|nil|nothing|n a|na|unknown|undefined|empty|yes|no|ok|okay|sure|true|false|todo|tbd)[.!]?"
    r"|(?:(?:your|the|a|one) )?"
    r"(?:prompt|reason|sentence|description|new object|caption|answer|explanation)(?: here)?\.?"
    r"|brief explanation in one sentence|what is seen in between"
    r"|(?:the )?(?:description|appearance|contents?) of the (?:new |edited |masked )*(?:region|area|object|image)"
    r"|(?:the |an? )?(?:new|edited|masked) (?:region|area|object|image)"
    r"|(?:the |it is )?(?:unchanged|same|same as before|as before|as it is|as is|original|no changes?)[.!]?",
    re.I,
)
_SPEAKER = re.compile(r"\b(?:I|I['’]m|I['’]ll|my|me|you|your|we|us|sorry|unable|cannot|can['’]t|as an ai)\b", re.I)
_RATING = re.compile(r"\b(?:points?|scores?|stars?|rating)\b", re.I)
_READS = re.compile(r"\b(?:reads?|reading|says?|saying|written|words?|lettering|sign|label|poster|text)\b", re.I)
_ORDER = re.compile(
    r"(?:please\s+)?(?:remove|delete|erase|replace|change|add|make|edit|turn|insert|inpaint|transform|modify|put|"
    r"recolou?r|colou?r|fill|paint|draw|give|dress|let|create|generate|use|take|set|apply|imagine|render|keep|leave|"
    r"ignore|disregard|swap|convert|cover|extend|move|place|show|describe|adjust|ensure)\b"
    r"(?=\s+(?:the|a|an|it|its|this|that|these|those|his|her|him|them|their|all|any|some|more|no|in|with|to|"
    r"previous|everything|something|object|background)\b|\s*[.!]?$)",
    re.I,
)


class NotADescription(ValueError):
    """A text that does not describe what is to be seen; the message says why."""


def description(text: object) -> str:
    """A description in one line of English.

    Args:
        text: as a VLM wrote it.

    Raises:
        NotADescription: it is no text, says nothing, speaks of the speaker, gives an order, holds signs that no
            caption has (paths, markup, brackets), is too long or is in another language.
    """
    if not isinstance(text, str):
        raise NotADescription("it is not text")
    line = one_line(text).strip("\"'“”‘’ ")
    if len(line) < 3 or _NOTHING.fullmatch(line.replace("/", " ")):
        raise NotADescription("it is empty")
    if len(line) > LONGEST:
        raise NotADescription("it is too long")
    if not _ALLOWED.fullmatch(re.sub(rf"(?<={_LETTER})/(?={_LETTER})", " ", line)) or ".." in line.rstrip("."):
        raise NotADescription("it holds markup, a path or signs that no caption has")
    quoted = bool(_READS.search(line))  # what a sign reads may be anything
    if _ORDER.match(line):
        raise NotADescription("it is an order and not a description")
    if not quoted and (_SPEAKER.search(line) or _RATING.search(line)):
        raise NotADescription("it does not describe what is to be seen")
    if not is_english(line):
        raise NotADescription("it is not in English")
    return line


def one_line(text: str) -> str:
    """Text without line ends, control characters and those that cannot be seen."""
    spaced = "".join(" " if character.isspace() else character for character in text)
    return " ".join("".join(one for one in spaced if unicodedata.category(one)[0] != "C").split())
