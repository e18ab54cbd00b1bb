"""Other words for one object: a `person` is also a woman, a boy or a skier."""

import re

from generation.language.object_name import ObjectName

_WORDS: dict[str, str] = {
    "person": "man woman boy girl child kid baby toddler lady gentleman guy people human pedestrian player rider "
    "skier snowboarder surfer skateboarder cyclist worker chef waiter crowd couple family adult teenager figure "
    "someone somebody men women children",
    "bicycle": "bike cycle",
    "car": "automobile vehicle sedan suv taxi cab",
    "motorcycle": "motorbike scooter moped",
    "airplane": "aeroplane plane aircraft jet",
    "bus": "coach",
    "train": "locomotive tram",
    "truck": "lorry pickup van",
    "boat": "ship sailboat canoe kayak yacht",
    "bird": "pigeon gull seagull parrot sparrow duck goose crow owl swan",
    "cat": "kitten kitty feline tabby",
    "dog": "puppy hound canine retriever terrier",
    "horse": "pony foal mare stallion",
    "sheep": "lamb ewe ram",
    "cow": "cattle bull calf ox",
    "couch": "sofa settee",
    "sofa": "couch settee",
    "tv": "television monitor screen",
    "laptop": "notebook computer",
    "cell phone": "phone smartphone mobile",
    "potted plant": "plant houseplant",
    "dining table": "table",
    "handbag": "purse bag",
    "backpack": "rucksack",
    "suitcase": "luggage",
    "cup": "mug",
    "sports ball": "ball",
    "donut": "doughnut",
    "refrigerator": "fridge",
    "teddy bear": "teddy",
    "hair drier": "hairdryer dryer",
}
"""By COCO's categories; what has no entry has only its own name."""

_PEOPLE = {"person", *_WORDS["person"].split()}

_IRREGULAR = {"person": "people persons", "man": "men", "woman": "women", "child": "children", "sheep": "sheep"}


def mentions(text: str, name: ObjectName | str) -> bool:
    """Whether a text names an object, by its name, its plural or another word for it.

    `a cardboard box` does not mention a `car`.
    """
    own = str(name).lower()
    words = {own, *_WORDS.get(own, "").split(), *_IRREGULAR.get(own, "").split()}
    if own in _PEOPLE:  # a woman who was removed is no lady either
        words |= _PEOPLE
    for word in words:
        ends = "(?:e?s)?" if not word.endswith("y") else "(?:s)?"
        variants = [re.escape(word) + ends] + ([re.escape(word[:-1]) + "ies"] if word.endswith("y") else [])
        if re.search(rf"\b(?:{'|'.join(variants)})\b", text.lower()):
            return True
    return False


def is_about(description: str, name: ObjectName | str) -> bool:
    """Whether a description is of an object, and not of something beside it: `a cat on a dog bed` is of a cat."""
    first = re.split(
        r"\b(?:on|in|at|with|by|near|beside|behind|under|over|of|for|from|to|next|that|who|which|wearing|holding|"
        r"sitting|standing|lying|running|walking|looking|sleeping)\b|[,.;:]",
        description.lower(),
        maxsplit=1,
    )[0]
    return mentions(" ".join(first.split()[-2:]), name)
