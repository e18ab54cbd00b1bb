"""Prompts are good English, fit the object and the edit type, and vary."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffseg30k import EDIT_TYPES
from generation.prompts import write
from generation.prompts.noun_phrases import article, noun
from generation.prompts.templates import ANYWHERE, KIND_OF_OBJECT, KINDS

COCO = {
    "person": "person",
    "vehicle": "bicycle, car, motorcycle, airplane, bus, train, truck, boat",
    "outdoor": "traffic light, fire hydrant, stop sign, parking meter, bench",
    "animal": "bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe",
    "accessory": "backpack, umbrella, handbag, tie, suitcase",
    "sports": "frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, "
    "tennis racket",
    "kitchen": "bottle, wine glass, cup, fork, knife, spoon, bowl",
    "food": "banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake",
    "furniture": "chair, couch, potted plant, bed, dining table, toilet",
    "electronic": "tv, laptop, mouse, remote, keyboard, cell phone",
    "appliance": "microwave, oven, toaster, sink, refrigerator",
    "indoor": "book, clock, vase, scissors, teddy bear, hair drier, toothbrush",
}
CATEGORIES = [(name, group) for group, names in COCO.items() for name in names.split(", ")]

WRONG_ARTICLE = re.compile(r"\b(a [aeio]\w*|an [^aeiouhAEFHILMNORSX8 ]\w*)\b")
FINE_AFTER_ALL = re.compile(r"\ba (one|European)\b")


def drawn(name: str, group: str, edit_type: str, times: int = 80) -> list[write.Prompt]:
    rng = random.Random(0)
    return [write.write_prompt(name, group, edit_type, rng) for _ in range(times)]


def test_these_are_the_80_categories_of_coco():
    assert len(set(CATEGORIES)) == 80


@pytest.mark.parametrize("edit_type", EDIT_TYPES)
@pytest.mark.parametrize(("name", "group"), CATEGORIES)
def test_every_coco_category_gets_varied_and_grammatical_prompts(name, group, edit_type):
    written = drawn(name, group, edit_type)
    texts = {one.prompt for one in written} | {one.removal_prompt for one in written if one.removal_prompt}
    assert len({one.prompt for one in written}) >= 4
    for text in texts:
        assert text == " ".join(text.split())
        assert len(text.split()) <= 16
        assert not WRONG_ARTICLE.search(FINE_AFTER_ALL.sub("", text)), text
        assert not re.search(r"\b(\w+) \1\b", text), text


@pytest.mark.parametrize(("name", "group"), CATEGORIES)
def test_a_changed_attribute_names_the_object(name, group):
    known = noun("computer mouse" if name == "mouse" else name).text
    for one in drawn(name, group, "attribute_change"):
        assert known in one.prompt
        assert one.prompt != noun(name).phrase()
        assert one.removal_prompt is None


@pytest.mark.parametrize(("name", "group"), CATEGORIES)
def test_an_addition_first_removes_and_then_adds_something_else(name, group):
    backgrounds = {removed.prompt for removed in drawn(name, group, "removal")}
    for one in drawn(name, group, "addition"):
        assert not set(name.split()) & set(one.prompt.split())
        assert one.removal_prompt in backgrounds


@pytest.mark.parametrize(("name", "group"), CATEGORIES)
def test_a_removal_does_not_name_the_object(name, group):
    for one in drawn(name, group, "removal"):
        assert not re.search(rf"\b{name}\b", one.prompt)
        assert one.removal_prompt is None


@pytest.mark.parametrize(
    ("name", "adjective", "phrase"),
    [
        ("scissors", "red", "a pair of red scissors"),
        ("skis", "", "a pair of skis"),
        ("broccoli", "", "a head of broccoli"),
        ("umbrella", "", "an umbrella"),
        ("umbrella", "striped", "a striped umbrella"),
        ("orange", "", "an orange"),
        ("tv", "old", "an old TV"),
        ("tv", "", "a TV"),
        ("hair drier", "", "a hair dryer"),
        ("sports ball", "neon green", "a neon green ball"),
        ("bus", "", "a bus"),
        ("wine glass", "", "a wine glass"),
        ("Cell_Phone", "", "a cell phone"),
        ("SUV", "", "an SUV"),
        ("grapes", "green", "green grapes"),
        ("cactus", "", "a cactus"),
        ("canvas", "old", "an old canvas"),
        ("ice", "", "ice"),
        ("unicycle", "", "a unicycle"),
        ("hourglass", "", "an hourglass"),
        ("  \n ", "", "an object"),
    ],
)
def test_awkward_names_become_english(name, adjective, phrase):
    assert noun(name).phrase(adjective) == phrase


def test_articles_go_by_sound():
    an = ["umbrella", "hour", "honest man", "MRI scanner", "X-ray", "uninflated ball", "old one"]
    a = ["unicorn", "European car", "one-piece suit", "TV", "used car", "ukulele", "yellow cup", "UFO"]
    assert {article(word) for word in an} == {"an"}
    assert {article(word) for word in a} == {"a"}


def test_people_are_people_whatever_they_are_filed_under():
    assert write.kind_of("woman", "") is write.kind_of("goalkeeper", "person") is KINDS["person"]


def test_objects_of_no_known_kind_get_prompts_that_fit_anything():
    assert write.kind_of("trilobite", "fossil") is KINDS["other"]


@given(st.text(max_size=80), st.text(max_size=20), st.sampled_from(EDIT_TYPES), st.integers())
def test_any_name_gets_a_prompt_on_one_line(name, group, edit_type, seed):
    text = write.write_prompt(name, group, edit_type, random.Random(seed)).prompt
    assert text.strip()
    assert len(text.splitlines()) == 1
    assert len(text) < 200


def test_names_that_use_every_addition_up_still_get_one():
    everything = " ".join(KINDS["food"].additions)
    assert write.write_prompt(everything, "food", "addition", random.Random(0)).prompt in KINDS["food"].additions


def test_an_unknown_edit_type_is_refused():
    with pytest.raises(ValueError, match="'repaint' is not an edit type"):
        write.write_prompt("cat", "animal", "repaint", random.Random(0))


def test_every_phrase_in_the_templates_is_used_and_well_formed():
    assert set(KIND_OF_OBJECT.values()) <= set(KINDS)
    for kind in KINDS.values():
        phrases = (*kind.adjectives, *kind.endings, *kind.additions, *kind.backgrounds, *ANYWHERE)
        assert all(phrase == phrase.strip() and not phrase.endswith(".") for phrase in phrases)
        assert len(kind.additions) >= 4
        assert all(article(new.split(" ", 1)[1]) == new.split(" ", 1)[0] for new in kind.additions)
