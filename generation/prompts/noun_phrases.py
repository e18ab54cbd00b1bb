"""Turns category names into English noun phrases: `an orange umbrella`, `a pair of scissors`, `fresh broccoli`."""

import re
from dataclasses import dataclass

_VOWEL_SOUND = re.compile(
    r"(?!uni(?![dmn])|us[ae]|uk|eu|ut[ei]|one\b|one-|once)[aeiou]|hour|honest|honou?r|heir|x-ray", re.I
)
_VOWEL_LETTERS = "AEFHILMNORSX"
_UNCOUNTABLE = re.compile(
    "people|men|women|children|police|cattle|water|snow|ice|sand|grass|bread|rice|pasta|cheese|meat|food|fruit|salad|"
    "furniture|clothing|hair|luggage|jewelry|jewellery|foliage|equipment|machinery|cutlery|pottery"
)
_SINGULAR_IN_S = re.compile("bus|gas|lens|canvas|atlas|chess|series|species")
_MAX_LENGTH = 60


@dataclass(frozen=True)
class Noun:
    """A noun with the measure word or article that it takes.

    Attributes:
        text: without an article.
        measure: the words before it, such as `a pair of`; empty for plurals and uncountable nouns; None for a noun
            that takes `a` or `an`.
    """

    text: str
    measure: str | None = None

    def phrase(self, adjective: str = "") -> str:
        """The noun with its article and an adjective."""
        described = f"{adjective} {self.text}".strip()
        if self.measure is None:
            return f"{article(described)} {described}"
        return f"{self.measure} {described}".strip()


_AWKWARD: dict[str, Noun] = {
    "scissors": Noun("scissors", "a pair of"),
    "skis": Noun("skis", "a pair of"),
    "sunglasses": Noun("sunglasses", "a pair of"),
    "glasses": Noun("glasses", "a pair of"),
    "jeans": Noun("jeans", "a pair of"),
    "trousers": Noun("trousers", "a pair of"),
    "broccoli": Noun("broccoli", "a head of"),
    "tv": Noun("TV"),
    "hair drier": Noun("hair dryer"),
    "remote": Noun("remote control"),
    "sports ball": Noun("ball"),
}


def noun(name: str) -> Noun:
    """The noun for a category's name."""
    text = " ".join(re.sub(r"\([^)]*\)|_", " ", name).split())[:_MAX_LENGTH].strip() or "object"
    text = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in text.split())
    last = text.rsplit(" ", 1)[-1].rsplit("-", 1)[-1].lower()
    if text.lower() in _AWKWARD:
        return _AWKWARD[text.lower()]
    is_plural = re.search(r"[^siu]s$", last) and not _SINGULAR_IN_S.fullmatch(last)
    return Noun(text, "" if is_plural or _UNCOUNTABLE.fullmatch(last) else None)


def article(phrase: str) -> str:
    """`a` or `an`, by the sound at the phrase's start."""
    word = phrase.split()[0]
    if word.isupper() and len(word) > 1:
        return "an" if word[0] in _VOWEL_LETTERS else "a"
    return "an" if _VOWEL_SOUND.match(word) else "a"
