"""Whether a text is in English, by the dictionaries of `simplemma`."""

import re
import unicodedata

OTHERS = ("de", "es", "fr", "it", "nl", "pt")
"""Languages in the Latin script that a text is compared with; with English, they fit into the cache of eight."""

LEAST_KNOWN = 0.5
"""Share of the words that English dictionaries have to know: brands and breeds are in none."""

SURE = 0.75
"""Share from which a text is English, whatever other languages know of it."""

_FOREIGN = "un una unos unas el los las le les ein eine einen der das il gli een het um uma"
ARTICLES = frozenset(_FOREIGN.split())
"""Articles of these languages that are no English words; nouns and adjectives may be in several."""

_WORD = re.compile(r"[^\W\d_]+")


def is_english(text: str) -> bool:
    """Whether a text is in English, as far as dictionaries of words can say.

    Single words are taken to be English where no other language knows them better. Words are compared in lower
    case, since a capital letter makes a name of anything.
    """
    from simplemma import in_target_language

    words = _WORD.findall(text)
    if not words or not all(_is_latin(word) for word in words):
        return False
    lower = text.lower()
    if len(words) > 1 and words[0].lower() in ARTICLES:
        return False
    known = in_target_language(lower, lang="en")
    elsewhere = max(in_target_language(lower, lang=language) for language in OTHERS)
    return elsewhere == 0 or known >= SURE or known >= max(LEAST_KNOWN, elsewhere)


def _is_latin(word: str) -> bool:
    return all("LATIN" in unicodedata.name(letter, "") for letter in word)
