"""Writes prompts from templates, chosen by the object's kind and the edit type."""

import random
from dataclasses import dataclass

from diffseg30k import EDIT_TYPES
from generation.prompts.noun_phrases import noun
from generation.prompts.templates import ANYWHERE, KIND_OF_OBJECT, KINDS, Kind
from generation.regions.annotations import PEOPLE

_LITTLE_WORDS = {"a", "an", "the", "of", "on", "in", "with", "and"}


@dataclass(frozen=True)
class Prompt:
    """The prompt of an edit, and of the removal step of an addition.

    Attributes:
        prompt: describes the region after the edit.
        removal_prompt: for an addition describes the region between removal and addition; else None.
    """

    prompt: str
    removal_prompt: str | None


def write_prompt(object: str, supercategory: str, edit_type: str, rng: random.Random) -> Prompt:
    """A prompt for one edit.

    Args:
        object: the category of the region's object, such as `dog`.
        supercategory: such as `animal`; an unknown or empty one gets prompts that fit every object.
        edit_type: one of `diffseg30k.EDIT_TYPES`.
        rng: draws the words.

    Raises:
        ValueError: `edit_type` is not one of the three.
    """
    kind = kind_of(object, supercategory)
    if edit_type == "attribute_change":
        return Prompt(_changed(object, kind, rng), None)
    if edit_type == "addition":
        return Prompt(_added(object, kind, rng), _background(kind, rng))
    if edit_type == "removal":
        return Prompt(_background(kind, rng), None)
    raise ValueError(f"{edit_type!r} is not an edit type; the three are {', '.join(EDIT_TYPES)}")


def kind_of(object: str, supercategory: str) -> Kind:
    """The kind of an object, by its name or supercategory; the general kind if both are unknown."""
    name, group = object.strip().lower(), supercategory.strip().lower()
    if name in PEOPLE or group in PEOPLE:
        return KINDS["person"]
    return KINDS.get(KIND_OF_OBJECT.get(name, group), KINDS["other"])


def _changed(object: str, kind: Kind, rng: random.Random) -> str:
    is_device = kind is KINDS["electronic"] and object.strip().lower() == "mouse"
    name = noun("computer mouse" if is_device else object)
    choice = rng.randrange(len(kind.adjectives) + len(kind.endings))
    if choice < len(kind.adjectives):
        return name.phrase(kind.adjectives[choice])
    return f"{name.phrase()} {kind.endings[choice - len(kind.adjectives)]}"


def _added(object: str, kind: Kind, rng: random.Random) -> str:
    """An object to add whose description shares no word with the old object's name, if there is one."""
    old = _words(noun(object).text)
    differing = [new for new in kind.additions if not old & _words(new)]
    return rng.choice(differing or kind.additions)


def _words(text: str) -> set[str]:
    return set(text.lower().replace("-", " ").split()) - _LITTLE_WORDS


def _background(kind: Kind, rng: random.Random) -> str:
    return rng.choice(kind.backgrounds + ANYWHERE)
